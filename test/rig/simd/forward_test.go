package main

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"containerd-shim-hcs/hcs/sim"
)

// TestForwardTCP: both directions, their ends, the counts, and that connections end with the mapping.
func TestForwardTCP(t *testing.T) {
	pod, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pod.Close()
	go func() {
		for {
			c, err := pod.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, _ := io.ReadAll(c) // until the client's half is closed
				_, _ = c.Write(append([]byte("got "), b...))
			}()
		}
	}()
	var in, out atomic.Int64
	port, end, err := forwarder{}.Forward(sim.Forwarding{To: netip.MustParseAddrPort(pod.Addr().String()), Passed: func(r, s int) {
		in.Add(int64(r))
		out.Add(int64(s))
	}})
	if err != nil {
		t.Fatal(err)
	}
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
	dial := func() *net.TCPConn {
		c, err := net.Dial("tcp4", at)
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.TCPConn)
	}
	c := dial()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || string(b) != "got hello" {
		t.Errorf("answer %q, %v", b, err)
	}
	if in.Load() != 5 || out.Load() != 9 {
		t.Errorf("counted %d in and %d out, want 5 and 9", in.Load(), out.Load())
	}
	if _, _, err := (forwarder{}).Forward(sim.Forwarding{Port: port}); err == nil {
		t.Error("a port was published twice")
	}
	idle := dial()
	end()
	_ = idle.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection outlives its mapping: %v", err)
	}
	if _, err := net.Dial("tcp4", at); err == nil {
		t.Error("the port is still open")
	}
}

// TestForwardUDP: answers find their clients.
func TestForwardUDP(t *testing.T) {
	pod, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pod.Close()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := pod.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pod.WriteTo(append([]byte("got "), b[:n]...), from)
		}
	}()
	port, end, err := forwarder{}.Forward(sim.Forwarding{UDP: true, To: netip.MustParseAddrPort(pod.LocalAddr().String()), Passed: func(int, int) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for _, word := range []string{"a", "b"} {
		c, err := net.Dial("udp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 2 {
			_, _ = c.Write([]byte(word))
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			b := make([]byte, 100)
			if n, err := c.Read(b); err != nil || string(b[:n]) != "got "+word {
				t.Errorf("answer %q, %v", b[:n], err)
			}
		}
	}
}
