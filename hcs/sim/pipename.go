package sim

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
)

// pipeNames is the host's namespace of named pipes.
type pipeNames struct {
	mu        sync.Mutex
	closed    bool
	listeners map[string]*pipeListener // by lower-case path
}

// isPipe reports whether a path is that of a local named pipe.
func isPipe(path string) bool {
	const prefix = `\\.\pipe\`
	return len(path) > len(prefix) && strings.EqualFold(path[:len(prefix)], prefix)
}

// PipeConn is one end of a connected named pipe. It has deadlines, and the methods by which a script uses it as a stream.
type PipeConn struct {
	Reader
	Writer
	path  string
	once  sync.Once
	after func() // tells the owner that it is closed
}

func newConnPair(path string) (a, b *PipeConn) {
	one, two := &buffer{}, &buffer{}
	return &PipeConn{Reader: Reader{b: one}, Writer: Writer{b: two}, path: path}, &PipeConn{Reader: Reader{b: two}, Writer: Writer{b: one}, path: path}
}

// Close ends both directions: the peer reads what was written, then io.EOF.
func (c *PipeConn) Close() error {
	c.once.Do(func() {
		c.Reader.b.closeRead()
		c.Writer.b.closeWrite()
		if c.after != nil {
			c.after()
		}
	})
	return nil
}

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

// LocalAddr and RemoteAddr are the pipe's path.
func (c *PipeConn) LocalAddr() net.Addr  { return pipeAddr(c.path) }
func (c *PipeConn) RemoteAddr() net.Addr { return pipeAddr(c.path) }

// SetDeadline, SetReadDeadline and SetWriteDeadline work as those of net.Conn.
func (c *PipeConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // neither can fail
	return c.SetWriteDeadline(t)
}

func (c *PipeConn) SetReadDeadline(t time.Time) error {
	c.Reader.b.setLimit(&c.Reader.b.readLimit, t)
	return nil
}

func (c *PipeConn) SetWriteDeadline(t time.Time) error {
	c.Writer.b.setLimit(&c.Writer.b.writeLimit, t)
	return nil
}

type pipeListener struct {
	names *pipeNames
	path  string
	ready chan chan *PipeConn // an Accept that waits
	done  chan struct{}
	once  sync.Once
	own   func(*PipeConn) // takes the accepted connection for the owner
	after func()
}

// listen serves a path. One that is served already is ErrAccessDenied, as FILE_FLAG_FIRST_PIPE_INSTANCE gives.
func (n *pipeNames) listen(path string) (*pipeListener, error) {
	if !isPipe(path) {
		return nil, refuse(hcs.ErrInvalidArgument, "%q is not a pipe", path)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, refuse(hcs.ErrServiceDisconnect, "the host has ended")
	}
	if n.listeners[strings.ToLower(path)] != nil {
		return nil, refuse(hcs.ErrAccessDenied, "pipe %s exists", path)
	}
	l := &pipeListener{names: n, path: path, ready: make(chan chan *PipeConn), done: make(chan struct{})}
	if n.listeners == nil {
		n.listeners = map[string]*pipeListener{}
	}
	n.listeners[strings.ToLower(path)] = l
	return l, nil
}

// dial connects to a path. A pipe that nobody accepts on is busy: dial waits for it until ctx ends.
func (n *pipeNames) dial(ctx context.Context, path string) (*PipeConn, error) {
	n.mu.Lock()
	l := n.listeners[strings.ToLower(path)]
	n.mu.Unlock()
	if l == nil {
		return nil, refuse(hcs.ErrFileNotFound, "no pipe %s", path)
	}
	select {
	case accept := <-l.ready:
		ours, theirs := newConnPair(path)
		accept <- theirs // has room
		return ours, nil
	case <-l.done:
		return nil, refuse(hcs.ErrFileNotFound, "no pipe %s", path)
	case <-ctx.Done():
		return nil, refuse(hcs.ErrOperationTimeout, "pipe %s is busy", path)
	}
}

func (n *pipeNames) close() {
	n.mu.Lock()
	n.closed = true
	var list []*pipeListener
	for _, l := range n.listeners {
		list = append(list, l)
	}
	n.mu.Unlock()
	for _, l := range list {
		_ = l.Close() // it never fails
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	got := make(chan *PipeConn, 1)
	select {
	case l.ready <- got:
		c := <-got
		if l.own != nil {
			l.own(c)
		}
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "pipe", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() {
		l.names.mu.Lock()
		delete(l.names.listeners, strings.ToLower(l.path))
		l.names.mu.Unlock()
		close(l.done)
		if l.after != nil {
			l.after()
		}
	})
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.path) }

var (
	_ net.Conn      = (*PipeConn)(nil)
	_ io.ReadCloser = (*Reader)(nil)
)

// DialPipe connects the service itself to a named pipe of one of its clients.
func (s *Service) DialPipe(ctx context.Context, path string) (*PipeConn, error) {
	conn, err := s.pipes.dial(ctx, path)
	return conn, failure("CreateFile", path, err)
}
