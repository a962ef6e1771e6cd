package sim_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

const pipeName = `\\.\pipe\test`

func TestPipeNames(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		host := n.m.Host
		_, err := host.DialPipe(n.ctx, pipeName)
		n.is(err, hcs.ErrFileNotFound)
		_, err = host.ListenPipe(`C:\pipe`)
		n.is(err, hcs.ErrInvalidArgument)
		l, err := host.ListenPipe(pipeName)
		n.must(err)
		_, err = host.ListenPipe(`\\.\PIPE\Test`)
		n.is(err, hcs.ErrAccessDenied)
		ctx, cancel := context.WithTimeout(n.ctx, time.Second)
		defer cancel()
		_, err = host.DialPipe(ctx, pipeName) // nobody accepts: busy
		n.is(err, hcs.ErrOperationTimeout)

		accepted := make(chan net.Conn, 1)
		go func() {
			c, err := l.Accept()
			n.must(err)
			accepted <- c
		}()
		dialed, err := host.DialPipe(n.ctx, `\\.\pipe\TEST`)
		n.must(err)
		served := <-accepted
		if dialed.RemoteAddr().String() != `\\.\pipe\TEST` && dialed.RemoteAddr().String() != pipeName {
			t.Errorf("address %s", dialed.RemoteAddr())
		}
		n.must(l.Close())
		n.must(l.Close())
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept on a closed listener: %v", err)
		}
		_, err = host.DialPipe(n.ctx, pipeName)
		n.is(err, hcs.ErrFileNotFound)

		_, err = io.WriteString(served, "last words") // what is connected stays
		n.must(err)
		n.must(served.Close())
		n.must(served.Close())
		b, err := io.ReadAll(dialed)
		if err != nil || string(b) != "last words" {
			t.Errorf("%q, %v", b, err)
		}
		if _, err := dialed.Write([]byte("x")); err == nil {
			t.Error("wrote to a closed peer")
		}
		if _, err := served.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("read of a closed end: %v", err)
		}
	})
}

func TestPipesEndWithTheirClient(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		other := n.svc.Connect("other", 2)
		l, err := other.ListenPipe(pipeName)
		n.must(err)
		got := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, err = c.Read(make([]byte, 1))
			}
			got <- err
		}()
		conn, err := n.m.Host.DialPipe(n.ctx, pipeName)
		n.must(err)
		synctest.Wait()
		other.Close()
		if err := <-got; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the dead process reads: %v", err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // io.EOF is returned bare
			t.Errorf("its peer reads %v", err)
		}
		_, err = other.ListenPipe(pipeName)
		n.is(err, hcs.ErrInvalidHandle)
		_, err = n.m.Host.DialPipe(n.ctx, pipeName)
		n.is(err, hcs.ErrFileNotFound)
	})
}

func TestPipeDeadlines(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		l, err := n.m.Host.ListenPipe(pipeName)
		n.must(err)
		go func() {
			_, err := l.Accept()
			n.must(err)
		}()
		c, err := n.m.Host.DialPipe(n.ctx, pipeName)
		n.must(err)
		begin := time.Now()
		n.must(c.SetReadDeadline(begin.Add(time.Second)))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("read: %v after %v", err, time.Since(begin))
		}
		n.must(c.SetDeadline(time.Now().Add(-time.Second)))
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		n.must(c.SetDeadline(time.Time{}))
		time.AfterFunc(time.Minute, func() { n.must(c.SetWriteDeadline(time.Now())) }) // takes effect on a write that waits
		if k, err := c.Write(make([]byte, 1<<20)); k != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %d, %v", k, err)
		}
	})
}

func TestPipeTransfers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := sim.Pipe()
		want := sim.Pattern(1<<20 + 7)
		go func() {
			for b := want; len(b) > 0; {
				k := min(len(b), 10_007)
				if _, err := w.Write(b[:k]); err != nil {
					t.Error(err)
				}
				b = b[k:]
			}
			w.Close()
		}()
		if got, err := io.ReadAll(r); err != nil || string(got) != string(want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write to a closed pipe: %v", err)
		}
	})
}

func TestFinishedPipe(t *testing.T) {
	r, w := sim.Pipe()
	if _, err := w.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	r.Finish()
	if _, err := w.Write([]byte("d")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after the end: %v", err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "abc" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestFacts(t *testing.T) {
	inNode(t, sim.Config{Facts: hcs.Facts{Build: 26100, Owner: "x.exe"}}, func(n *node) {
		f, err := n.m.Host.Facts(n.ctx)
		n.must(err)
		if f.Build != 26100 || f.Owner != "x.exe" || f.Processors == 0 || f.MemoryMB == 0 {
			t.Errorf("%+v", f)
		}
		if p, err := n.m.Host.ResolvePath(`C:\a`); err != nil || p != `C:\a` {
			t.Errorf("%q, %v", p, err)
		}
	})
}
