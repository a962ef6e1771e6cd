package shim

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func message(stream uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(append(b, 1, 0), body...)
}

// TestAnswerWaitsUntilItsStreamIsStored: the server stores a request's stream before it reads on, not before the handler begins.
func TestAnswerWaitsUntilItsStreamIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		g := &guardedConn{Conn: server}
		both := append(message(1, "first"), message(3, "")...)
		go func() { _, _ = client.Write(both) }()
		go func() { // what the server sends
			buf := make([]byte, 100)
			for {
				if _, err := client.Read(buf); err != nil {
					return
				}
			}
		}()
		var got []byte
		buf := make([]byte, 100)
		for len(got) < len(message(1, "first")) {
			n, err := g.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n]...)
		}
		if !bytes.Equal(got, message(1, "first")) {
			t.Fatalf("read %q: more than a message", got)
		}
		answered := make(chan time.Duration)
		start := time.Now()
		go func() {
			_, _ = g.Write(message(1, "answer"))
			answered <- time.Since(start)
		}()
		time.Sleep(guardMost / 2) // the server is about to store the stream
		select {
		case d := <-answered:
			t.Errorf("the answer left after %v, before the stream was stored", d)
		default:
		}
		n, err := g.Read(buf)
		if err != nil || !bytes.Equal(buf[:n], message(3, "")) {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		if d := <-answered; d != guardMost/2 {
			t.Errorf("the answer left after %v", d)
		}
		start = time.Now()
		if _, err := g.Write(message(5, "of another stream")); err != nil || time.Since(start) > 0 {
			t.Errorf("another stream waited %v, %v", time.Since(start), err)
		}
		if _, err := g.Write(message(3, "to a malformed message, by the reader itself")); err != nil || time.Since(start) != guardMost {
			t.Errorf("waited %v, %v", time.Since(start), err)
		}
		_ = client.Close()
	})
}
