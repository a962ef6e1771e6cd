package shim

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// listener hands out what it is given.
type listener struct {
	net.Listener
	conns chan net.Conn
}

func (l listener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func TestLogGoesToTheNewestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogPipe()
		l := listener{conns: make(chan net.Conn)}
		go p.serve(l)
		read := func() *strings.Builder {
			ours, theirs := net.Pipe()
			l.conns <- theirs
			var b strings.Builder
			go func() { _, _ = io.Copy(&b, ours) }()
			synctest.Wait()
			return &b
		}
		fmt.Fprintln(p, "early") // nobody reads yet
		first := read()
		fmt.Fprintln(p, "one")
		synctest.Wait()
		second := read()
		fmt.Fprintln(p, "two")
		synctest.Wait()
		close(l.conns)
		p.close()
		synctest.Wait()
		if first.String() != "early\none\n" || second.String() != "two\n" {
			t.Errorf("first %q, second %q", first, second)
		}
	})
}

// TestLogNeverWaits: a reader that stops reading must not stop the shim.
func TestLogNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogPipe()
		l := listener{conns: make(chan net.Conn)}
		go p.serve(l)
		stuck, theirs := net.Pipe()
		l.conns <- theirs
		start := time.Now()
		for i := range 3 * logLines {
			fmt.Fprintln(p, "line", i)
		}
		if d := time.Since(start); d > 0 {
			t.Errorf("logging took %v", d)
		}
		time.Sleep(2 * logBound) // the reader is given up
		ours, theirs := net.Pipe()
		l.conns <- theirs
		var b strings.Builder
		go func() { _, _ = io.Copy(&b, ours) }()
		synctest.Wait()
		close(l.conns)
		p.close()
		synctest.Wait()
		if !strings.Contains(b.String(), "log lines were dropped") {
			t.Errorf("the loss is not said: %.200q", b.String())
		}
		_ = stuck.Close()
	})
}
