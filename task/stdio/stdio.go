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
	"net"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// Config names the client's end of each stream, as the create or exec request did: a named pipe, for an output also file:///PATH; empty
// means none.
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
		if _, err := filePath(s.path); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
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
	ending         chan struct{} // closed when standard input is to end
	done           chan struct{} // closed by Close

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
	s := &Set{client: client, stdinPath: c.Stdin, ending: make(chan struct{}), done: make(chan struct{})}
	for _, o := range []struct {
		path string
		to   **output
	}{{c.Stdout, &s.stdout}, {c.Stderr, &s.stderr}} {
		if o.path == "" {
			continue
		}
		to, err := destinationOf(o.path, client.Dial, b)
		if err == nil {
			*o.to, err = newOutput(ctx, to)
		}
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("stdio: %w", err)
		}
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
