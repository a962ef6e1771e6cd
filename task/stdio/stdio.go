// Package stdio is the room for a process's standard streams: between the client's named pipes and the process's.
//
// The client (containerd's cio, CRI) serves the pipes, the shim dials them before the process starts. Output is relayed until the
// process's end of the stream reports end-of-file, with back-pressure: what the client does not take stays in the process's
// pipe. A log file in the place of a pipe never blocks the process: what it does not take for some time is dropped and counted. A stream is
// drained when everything read was written; see Set.Drain for the bounds after the process has exited.
package stdio

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// Config names the client's end of each stream, as the create or exec request did: a named pipe; for an output also file:///PATH, or
// binary:///PROGRAM for both of them; empty means none.
type Config struct {
	Stdin, Stdout, Stderr string
	Terminal              bool
}

const pipePrefix = `\\.\pipe\`

// Check refuses what cannot be served.
func (c Config) Check() error {
	if c.Terminal && c.Stderr != "" {
		return fmt.Errorf("stderr: a terminal has one output stream: %w", errdefs.ErrFailedPrecondition)
	}
	for _, s := range []struct{ name, path string }{{"stdin", c.Stdin}, {"stdout", c.Stdout}, {"stderr", c.Stderr}} {
		if s.path == "" || isPipe(s.path) {
			continue
		}
		if s.name == "stdin" || !strings.Contains(s.path, "://") {
			return fmt.Errorf("%s: %q is not a named pipe: %w", s.name, s.path, errdefs.ErrInvalidArgument)
		}
		var err error
		if isLogger(s.path) {
			_, err = loggerOf(s.path)
		} else {
			_, err = filePath(s.path)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if c.Stderr != "" && c.Stderr != c.Stdout && (isLogger(c.Stdout) || isLogger(c.Stderr)) {
		return fmt.Errorf("stderr: %q: a logging program has both streams, and stdout goes to %q: %w", c.Stderr, c.Stdout, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Ask sets which pipes HCS is to make. A terminal always gets a standard input, held by the shim when the client has none:
// without one the console of a detached terminal reads end-of-file at once.
func (c Config) Ask(p *schema.ProcessParameters) {
	p.CreateStdInPipe = c.Stdin != "" || c.Terminal
	p.CreateStdOutPipe = c.Stdout != ""
	p.CreateStdErrPipe = c.Stderr != ""
}

// Client is who serves the pipes.
type Client struct {
	// Dial connects to a named pipe.
	Dial Dial
	// Listen and Spawn are for logging programs, and so are the names that these get of the container or exec.
	Listen        func(path string) (net.Listener, error)
	Spawn         func(ctx context.Context, p hcs.Program) (hcs.Child, error)
	ID, Namespace string
	Log           *slog.Logger
	// Alive reports whether containerd runs.
	Alive func(ctx context.Context) bool
}

// Dial connects to a named pipe.
type Dial func(ctx context.Context, path string) (net.Conn, error)

// Set is the streams of one process. It is made before the process (Open), joined to it (Attach), drained once it has exited
// (Drain) and closed. Close alone is enough when there never was a process.
type Set struct {
	client         Client
	stdinPath      string        // empty when the client has none
	stdout, stderr *output       // nil when it has none
	logger         *logger       // nil when there is none
	ending         chan struct{} // closed when standard input is to end
	done           chan struct{} // closed by Close
	over           chan struct{} // closed by End

	mu      sync.Mutex // guards the fields below; never held over I/O
	stdin   net.Conn   // nil while the client is away
	process hcs.Process
	closing bool // ending is closed
	closed  bool // done is
}

// Open opens the destinations of the outputs and dials the client's pipes. On error nothing stays open.
func Open(ctx context.Context, client Client, c Config, b Bounds) (*Set, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := &Set{client: client, stdinPath: c.Stdin, ending: make(chan struct{}), done: make(chan struct{}), over: make(chan struct{})}
	if err := s.openOutputs(ctx, c, b); err != nil {
		s.Close()
		return nil, fmt.Errorf("stdio: %w", err)
	}
	if c.Stdin != "" {
		conn, err := client.Dial(ctx, c.Stdin)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("stdio: %w", err)
		}
		s.stdin = conn
	}
	return s, nil
}

func (s *Set) openOutputs(ctx context.Context, c Config, b Bounds) (err error) {
	if isLogger(c.Stdout) {
		if s.logger, err = startLogger(ctx, s.client, c.Stdout, b.Absent); err != nil {
			return err
		}
	}
	for _, o := range []struct {
		path string
		to   **output
		conn func(*logger) *net.Conn
	}{
		{c.Stdout, &s.stdout, func(l *logger) *net.Conn { return &l.stdout }},
		{c.Stderr, &s.stderr, func(l *logger) *net.Conn { return &l.stderr }},
	} {
		if o.path == "" {
			continue
		}
		var to destination
		if s.logger != nil {
			to = s.logger.destination(o.conn(s.logger))
		} else if to, err = destinationOf(o.path, s.client.Dial, b); err != nil {
			return err
		}
		if *o.to, err = newOutput(ctx, to); err != nil {
			return err
		}
	}
	return nil
}

// Attach starts the relays to and from p. The set owns the process's streams from here on.
func (s *Set) Attach(p hcs.Process) {
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	s.stdout.attach(p.Stdout())
	s.stderr.attach(p.Stderr())
	if s.stdinPath != "" {
		go s.relayInput(p)
	} else if closed(s.ending) {
		s.endInput(p)
	}
}

// outputs yields the outputs there are.
func (s *Set) outputs(yield func(*output) bool) {
	if s.stdout != nil && !yield(s.stdout) {
		return
	}
	if s.stderr != nil {
		yield(s.stderr)
	}
}

// End is Close, and the end of what Farewell has begun. It is idempotent.
func (s *Set) End() {
	s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !closed(s.over) {
		close(s.over)
	}
}

// Close ends all relays and closes every stream, drained or not. It is idempotent.
func (s *Set) Close() {
	s.mu.Lock()
	p, conn, was := s.process, s.stdin, s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return
	}
	close(s.done)
	if conn != nil {
		_ = conn.Close()
	}
	for o := range s.outputs {
		o.close()
	}
	if s.logger != nil {
		s.logger.close()
	}
	if p == nil {
		return
	}
	if in := p.Stdin(); in != nil {
		_ = in.Close()
	}
	if out := p.Stdout(); out != nil {
		_ = out.Close()
	}
	if err := p.Stderr(); err != nil {
		_ = err.Close()
	}
}
