package stdio

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
)

// process is a process made of pipes.
type process struct {
	hcs.Process
	in          io.WriteCloser
	out, err    io.ReadCloser
	closedStdin atomic.Int32
}

func (p *process) Stdin() io.WriteCloser            { return p.in }
func (p *process) Stdout() io.ReadCloser            { return p.out }
func (p *process) Stderr() io.ReadCloser            { return p.err }
func (p *process) CloseStdin(context.Context) error { p.closedStdin.Add(1); return nil }

// restarting and running are what Alive says.
func restarting(context.Context) bool { return false }
func running(context.Context) bool    { return true }

// client serves the pipes by name; a dial of a name that is not served fails.
type client map[string]chan net.Conn

func (c client) dial(ctx context.Context, path string) (net.Conn, error) {
	ch := c[path]
	if ch == nil {
		return nil, errors.New("no such pipe")
	}
	ours, theirs := net.Pipe()
	select {
	case ch <- ours:
		return theirs, nil
	default:
		return nil, errors.New("not served")
	}
}

func serve(names ...string) client {
	c := client{}
	for _, n := range names {
		c[n] = make(chan net.Conn, 1)
	}
	return c
}

const out, errs, in = `\\.\pipe\o`, `\\.\pipe\e`, `\\.\pipe\i`

func opened(t *testing.T, c client, cfg Config) *Set {
	t.Helper()
	s, err := Open(t.Context(), Client{Dial: c.dial, Alive: restarting}, cfg, DefaultBounds)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSlowReaderGetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(out)
		s := opened(t, c, Config{Stdout: out})
		r, w := io.Pipe()
		data := make([]byte, 300<<10)
		for i := range data {
			data[i] = byte(i * i >> 3)
		}
		s.Attach(&process{out: r})
		go func() { _, _ = w.Write(data); _ = w.Close() }()
		got := sha256.New()
		read := make(chan struct{})
		go func() {
			defer close(read)
			conn := <-c[out]
			buf := make([]byte, largeBuffer)
			for {
				time.Sleep(DefaultBounds.Stall / 2) // in all far longer than the bound
				n, err := conn.Read(buf)
				got.Write(buf[:n])
				if err != nil {
					return
				}
			}
		}()
		if rep := s.Drain(DefaultBounds); rep.Cut != 0 || rep.Held || rep.Bytes != int64(len(data)) {
			t.Errorf("report %+v", rep)
		}
		<-read
		if want := sha256.Sum256(data); string(got.Sum(nil)) != string(want[:]) {
			t.Error("the bytes differ")
		}
	})
}

func TestReaderThatStallsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(out)
		s := opened(t, c, Config{Stdout: out})
		r, w := io.Pipe()
		s.Attach(&process{out: r})
		go func() { _, _ = w.Write(make([]byte, 100)); _ = w.Close() }()
		start := time.Now()
		rep := s.Drain(DefaultBounds)
		if rep.Cut != 100 || rep.Bytes != 0 {
			t.Errorf("report %+v", rep)
		}
		if d := time.Since(start); d < DefaultBounds.Stall || d > DefaultBounds.Stall+time.Second {
			t.Errorf("gave up after %v", d)
		}
	})
}

// TestWhoComesBackSeesTheEnd: a client dies without a word and serves the pipes again, before or after the process's end: of each it sees the
// end, also of one that has nothing to say.
func TestWhoComesBackSeesTheEnd(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var away atomic.Bool
			conns := make(chan net.Conn, 2)
			dial := func(context.Context, string) (net.Conn, error) {
				if away.Load() {
					return nil, errors.New("no such pipe")
				}
				ours, theirs := net.Pipe()
				conns <- ours
				return theirs, nil
			}
			s, err := Open(t.Context(), Client{Dial: dial, Alive: running}, Config{Stdout: out, Stderr: errs}, DefaultBounds)
			if err != nil {
				t.Fatal(err)
			}
			r, w := io.Pipe()
			e, ew := io.Pipe()
			s.Attach(&process{out: r, err: e})
			for range 2 {
				_ = (<-conns).Close()
			}
			away.Store(after)
			_, _ = w.Close(), ew.Close()
			s.Drain(DefaultBounds)
			s.Farewell(nil)
			time.Sleep(time.Minute)
			away.Store(false)
			for range 2 {
				conn := <-conns
				if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
					t.Errorf("read %d, %v", n, err)
				}
			}
			s.End()
			s.End()
		})
	}
}

// TestNobodyComesBack: the end of the task is that of waiting for a client; and one that was there all the time is not dialled again.
func TestNobodyComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, gone := range []bool{true, false} {
			c := serve(out)
			s := opened(t, c, Config{Stdout: out})
			r, w := io.Pipe()
			s.Attach(&process{out: r})
			conn := <-c[out]
			if gone {
				_ = conn.Close()
				c[out] = nil
			} else {
				go func() { _, _ = io.Copy(io.Discard, conn) }()
			}
			_ = w.Close()
			s.Drain(DefaultBounds)
			s.Farewell(nil)
			time.Sleep(time.Minute)
			if len(c[out]) > 0 {
				t.Error("a client that was there was dialled again")
			}
			s.End() // or else synctest finds a goroutine
		}
	})
}

func TestGrandchildHoldsOutputOnlyForTheIdleBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(out)
		s := opened(t, c, Config{Stdout: out})
		r, w := io.Pipe()
		defer w.Close()
		s.Attach(&process{out: r})
		go func() { _, _ = io.Copy(io.Discard, <-c[out]) }()
		start := time.Now()
		if rep := s.Drain(DefaultBounds); !rep.Held || rep.Cut != 0 {
			t.Errorf("report %+v", rep)
		}
		if d := time.Since(start); d < DefaultBounds.Idle || d > DefaultBounds.Idle+time.Second {
			t.Errorf("waited %v", d)
		}
	})
}

func TestOutputGoesOnAfterTheClientCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(out)
		s := opened(t, c, Config{Stdout: out})
		r, w := io.Pipe()
		s.Attach(&process{out: r})
		first := <-c[out]
		go func() { _, _ = w.Write([]byte("one")); _, _ = w.Write([]byte("two")); _ = w.Close() }()
		buf := make([]byte, 3)
		if _, err := io.ReadFull(first, buf); err != nil || string(buf) != "one" {
			t.Fatal(string(buf), err)
		}
		_ = first.Close()
		second := make(chan string)
		go func() {
			time.Sleep(5 * time.Second)
			b, _ := io.ReadAll(<-c[out])
			second <- string(b)
		}()
		c[out] <- nil // nobody serves for a while
		time.Sleep(4 * time.Second)
		<-c[out]
		got := <-second
		if got != "two" {
			t.Errorf("after the return: %q", got)
		}
		s.Drain(DefaultBounds)
	})
}

func TestInputGoesOnAfterTheClientCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(in)
		s := opened(t, c, Config{Stdin: in})
		r, w := io.Pipe()
		p := &process{in: w}
		s.Attach(p)
		go func() {
			conn := <-c[in]
			_, _ = conn.Write([]byte("hel"))
			_ = conn.Close() // containerd restarts
			time.Sleep(time.Minute)
			conn = <-c[in]
			_, _ = conn.Write([]byte("lo"))
			s.CloseInput()
		}()
		if b, err := io.ReadAll(r); string(b) != "hello" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		synctest.Wait()
		if p.closedStdin.Load() != 1 {
			t.Error("HCS was not told")
		}
		s.Close()
	})
}

func TestInputEndsWithTheClientsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(in)
		s, err := Open(t.Context(), Client{Dial: c.dial, Alive: running}, Config{Stdin: in}, DefaultBounds)
		if err != nil {
			t.Fatal(err)
		}
		r, w := io.Pipe()
		p := &process{in: w}
		s.Attach(p)
		conn := <-c[in]
		go func() { _, _ = conn.Write([]byte("hello")); _ = conn.Close() }()
		if b, err := io.ReadAll(r); string(b) != "hello" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		synctest.Wait()
		if p.closedStdin.Load() != 1 {
			t.Error("HCS was not told")
		}
		s.Close()
	})
}

func TestInputEndsWhileTheClientIsAway(t *testing.T) {
	for name, end := range map[string]func(*Set){"asked for": (*Set).CloseInput, "with the process": (*Set).Close} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := serve(in)
				s := opened(t, c, Config{Stdin: in})
				r, w := io.Pipe()
				s.Attach(&process{in: w})
				conn := <-c[in]
				c[in] <- nil // nobody serves
				_ = conn.Close()
				time.Sleep(time.Hour)
				go end(s)
				if _, err := io.ReadAll(r); err != nil {
					t.Error(err)
				}
				s.Close()
			})
		})
	}
}

// TestCloseInputKeepsWhatWasWritten: the request to close is another connection than the data, and may be faster.
func TestCloseInputKeepsWhatWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(in)
		s := opened(t, c, Config{Stdin: in})
		r, w := io.Pipe()
		s.CloseInput() // before there is a process
		s.Attach(&process{in: w})
		conn := <-c[in]
		go func() {
			for range 5 {
				time.Sleep(inputRest / 2)
				_, _ = conn.Write([]byte("x"))
			}
		}()
		if b, err := io.ReadAll(r); string(b) != "xxxxx" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		s.CloseInput()
		s.Close()
	})
}

func TestTerminalWithoutClientKeepsInputOpenUntilAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(out)
		s := opened(t, c, Config{Stdout: out, Terminal: true})
		r, w := io.Pipe()
		or, ow := io.Pipe()
		s.Attach(&process{in: w, out: or})
		ended := make(chan struct{})
		go func() { _, _ = io.ReadAll(r); close(ended) }()
		time.Sleep(time.Hour)
		select {
		case <-ended:
			t.Error("input ended by itself")
		default:
		}
		s.CloseInput()
		<-ended
		_ = ow.Close()
		go func() { _, _ = io.Copy(io.Discard, <-c[out]) }()
		s.Drain(DefaultBounds)
	})
}

func TestOpenFailsWhole(t *testing.T) {
	c := serve(out)
	if _, err := Open(t.Context(), Client{Dial: c.dial, Alive: running}, Config{Stdout: out, Stderr: errs}, DefaultBounds); err == nil {
		t.Fatal("no error")
	}
	conn := <-c[out]
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the first pipe was left open: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []Config{
		{Terminal: true, Stderr: errs}, {Stdout: "file:///"}, {Stdout: "x"}, {Stdin: "file:///C:/x"}, {Stdin: `\\.\pipe\`}, {Stderr: "binary://x"},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for _, good := range []Config{{}, {Stdout: "file:///C:/x", Stderr: "file:///C:/x"}, {Stdin: in, Stdout: out, Stderr: errs}, {Stdin: in, Stdout: out, Terminal: true}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}
