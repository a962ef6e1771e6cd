package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/pkg/cio"
)

// stdio serves the named pipes of one process, as containerd's own client does, and in addition knows when each output has
// ended: an end that is late or missing is what several cases are about.
type stdio struct {
	cfg       cio.Config
	in        *input
	out, err  *output
	listeners []net.Listener
	mu        sync.Mutex
	conns     []net.Conn
}

// streams says how the pipes are to be served.
type streams struct {
	stdin    bool
	terminal bool
	stderr   bool          // serve stderr for a terminal too, which is wrong
	pause    time.Duration // the reader of stdout sleeps this long before its first read
	names    [3]string     // pipe names instead of the usual ones
}

// creator returns a cio.Creator, and the place where the stdio it makes can be found.
func (s streams) creator(dst **stdio) cio.Creator {
	return func(id string) (cio.IO, error) {
		p, err := newStdio(id, s)
		*dst = p
		return p, err
	}
}

func newStdio(id string, s streams) (*stdio, error) {
	name := func(i int, std string) string {
		if s.names[i] != "" {
			return s.names[i]
		}
		return fmt.Sprintf(`\\.\pipe\conform-%s-%s`, id, std)
	}
	p := &stdio{cfg: cio.Config{Terminal: s.terminal, Stdout: name(1, "stdout")}, out: newOutput(s.pause)}
	serve := func(path string, f func(net.Conn)) error {
		l, err := listenPipe(path)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", path, err)
		}
		p.listeners = append(p.listeners, l)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, c)
			p.mu.Unlock()
			f(c)
		}()
		return nil
	}
	err := serve(p.cfg.Stdout, p.out.read)
	if err == nil && (!s.terminal || s.stderr) { // a terminal has one output
		p.cfg.Stderr, p.err = name(2, "stderr"), newOutput(0)
		err = serve(p.cfg.Stderr, p.err.read)
	}
	if err == nil && s.stdin {
		p.cfg.Stdin, p.in = name(0, "stdin"), &input{conn: make(chan net.Conn, 1)}
		err = serve(p.cfg.Stdin, func(c net.Conn) { p.in.conn <- c })
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Config, Cancel, Wait and Close make it a cio.IO. Cancel and Wait do nothing: the ends of the streams are waited for by the
// cases, with a bound.
func (p *stdio) Config() cio.Config { return p.cfg }
func (p *stdio) Cancel()            {}
func (p *stdio) Wait()              {}
func (p *stdio) Close() error {
	for _, l := range p.listeners {
		l.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	return nil
}

// output collects one stream.
type output struct {
	pause   time.Duration
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed and replaced at each change
	ended   bool

	connected atomic.Bool
}

func newOutput(pause time.Duration) *output {
	return &output{pause: pause, changed: make(chan struct{})}
}

func (o *output) read(c net.Conn) {
	defer c.Close()
	o.connected.Store(true)
	time.Sleep(o.pause)
	b := make([]byte, 64<<10)
	for {
		n, err := c.Read(b)
		o.mu.Lock()
		o.buf.Write(b[:n])
		o.ended = err != nil
		close(o.changed)
		o.changed = make(chan struct{})
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wait blocks until cond holds for what has arrived; ended says whether more can come.
func (o *output) wait(ctx context.Context, d time.Duration, cond func(b []byte, ended bool) bool) ([]byte, bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		o.mu.Lock()
		ok, changed := cond(o.buf.Bytes(), o.ended), o.changed
		o.mu.Unlock()
		if ok {
			return o.bytes(), true
		}
		select {
		case <-changed:
		case <-timer.C:
			return o.bytes(), false
		case <-ctx.Done():
			return o.bytes(), false
		}
	}
}

// bytes returns a copy of what has arrived.
func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.buf.Bytes())
}

// input feeds standard input.
type input struct {
	conn chan net.Conn
	mu   sync.Mutex
	c    net.Conn
}

// get waits for the process's side to connect.
func (in *input) get(ctx context.Context) (net.Conn, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.c != nil {
		return in.c, nil
	}
	select {
	case in.c = <-in.conn:
		return in.c, nil
	case <-time.After(streamBound):
	case <-ctx.Done():
	}
	return nil, fmt.Errorf("no one connected to standard input")
}

func (in *input) write(ctx context.Context, b []byte) error {
	c, err := in.get(ctx)
	if err != nil {
		return err
	}
	_, err = io.Copy(c, bytes.NewReader(b))
	return err
}

// close ends the pipe, as a client does whose own input has ended.
func (in *input) close(ctx context.Context) error {
	c, err := in.get(ctx)
	if err != nil {
		return err
	}
	return c.Close()
}
