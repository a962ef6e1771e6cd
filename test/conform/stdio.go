package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/pkg/cio"

	"containerd-shim-hcs/test/conform/node"
)

// stdio serves the named pipes of one process, as containerd's own client does, and in addition knows when each output has
// ended: an end that is late or missing is what several cases are about. It can hang up and serve the same names again, as a client
// does that lives in containerd and restarts with it; what the outputs have collected stays.
type stdio struct {
	cfg      cio.Config
	in       *input
	out, err *output
	ends     []pipeEnd

	serving   sync.WaitGroup
	listeners []net.Listener
	mu        sync.Mutex
	conns     []net.Conn
}

// pipeEnd is a pipe's name and what is done with the connection to it.
type pipeEnd struct {
	path  string
	serve func(net.Conn)
}

// streams says how the pipes are to be served.
type streams struct {
	none     bool   // no stream at all, and no stdio
	log      string // URI of a log destination, instead of pipes
	stdin    bool
	terminal bool
	stderr   bool          // serve stderr for a terminal too, which is wrong
	pause    time.Duration // the reader of stdout sleeps this long before its first read
	names    [3]string     // pipe names instead of the usual ones
}

// creator returns a cio.Creator, and the place where the stdio it makes can be found.
func (s streams) creator(dst **stdio) cio.Creator {
	if s.none {
		return cio.NullIO
	}
	if s.log != "" {
		return func(id string) (cio.IO, error) {
			u, err := url.Parse(s.log)
			if err != nil {
				return nil, err
			}
			return cio.LogURI(u)(id)
		}
	}
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
	p.ends = append(p.ends, pipeEnd{p.cfg.Stdout, p.out.read})
	if !s.terminal || s.stderr { // a terminal has one output
		p.cfg.Stderr, p.err = name(2, "stderr"), newOutput(0)
		p.ends = append(p.ends, pipeEnd{p.cfg.Stderr, p.err.read})
	}
	if s.stdin {
		p.cfg.Stdin, p.in = name(0, "stdin"), &input{conn: make(chan net.Conn, 1)}
		p.ends = append(p.ends, pipeEnd{p.cfg.Stdin, func(c net.Conn) { p.in.conn <- c }})
	}
	if err := p.listen(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// listen serves each pipe to one connection.
func (p *stdio) listen() error {
	for _, e := range p.ends {
		l, err := node.ListenPipe(e.path)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", e.path, err)
		}
		p.listeners = append(p.listeners, l)
		p.serving.Go(func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, c)
			p.mu.Unlock()
			e.serve(c)
		})
	}
	return nil
}

// hangUp closes every pipe at once. When it returns, nothing more arrives.
func (p *stdio) hangUp() {
	p.Close()
	p.serving.Wait()
	if p.in != nil {
		p.in.forget()
	}
	for _, o := range []*output{p.out, p.err} {
		if o != nil {
			o.leave()
		}
	}
	p.listeners, p.conns = nil, nil
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
	left      bool // hung up once: a stream that has nothing more for it need not connect again
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

// leave is for an output whose pipe was hung up: that was not its end.
func (o *output) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left, o.ended = true, false
	o.connected.Store(false)
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

// forget drops a connection that is closed.
func (in *input) forget() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.c = nil
	select {
	case <-in.conn:
	default:
	}
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
