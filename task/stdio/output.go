package stdio

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smallBuffer = 4 << 10  // an idle stream costs this much
	largeBuffer = 64 << 10 // taken by a stream that fills the small one; the size of a pipe's own buffer
	redialPause = 100 * time.Millisecond
	redialMost  = 2 * time.Second
)

// What a relay is doing, for Drain.
const (
	reading int32 = iota // waiting for the process
	writing              // the client has not taken the bytes yet
	absent               // nobody serves the client's pipe
)

// output is one stream to the client. When the client's end breaks, which is what a restart of containerd looks like, it is dialled
// again under the same name, and the bytes that were not accepted are written again.
type output struct {
	path string
	dial Dial
	ctx  context.Context // ends with close
	stop context.CancelFunc
	done chan struct{} // closed when the relay has ended

	state   atomic.Int32
	read    atomic.Int64 // bytes taken from the process
	written atomic.Int64 // bytes the client accepted

	mu   sync.Mutex // guards conn
	conn net.Conn
}

func newOutput(ctx context.Context, dial Dial, path string) (*output, error) {
	conn, err := dial(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", path, err)
	}
	o := &output{path: path, dial: dial, conn: conn, done: make(chan struct{})}
	o.ctx, o.stop = context.WithCancel(context.Background())
	return o, nil
}

// attach starts the relay. A stream that the client asked for and the process does not have is an empty one.
func (o *output) attach(from io.ReadCloser) {
	switch {
	case o == nil:
	case from == nil:
		o.close()
		close(o.done)
	default:
		go o.relay(from)
	}
}

// relay copies until the process's end reports end-of-file or the output is closed, then closes both ends: the client sees
// end-of-file when all it was sent has been read.
func (o *output) relay(from io.ReadCloser) {
	defer close(o.done)
	defer o.close()
	defer from.Close()
	buf := make([]byte, smallBuffer)
	for {
		o.state.Store(reading)
		n, err := from.Read(buf)
		o.read.Add(int64(n))
		if n > 0 && !o.write(buf[:n]) {
			return
		}
		if err != nil {
			return
		}
		if n == len(buf) && n < largeBuffer {
			buf = make([]byte, largeBuffer)
		}
	}
}

// write delivers all of b, or reports that the output was closed.
func (o *output) write(b []byte) bool {
	o.state.Store(writing)
	for len(b) > 0 {
		conn := o.current()
		if conn == nil {
			if conn = o.redial(); conn == nil {
				return false
			}
			o.state.Store(writing)
		}
		n, err := conn.Write(b)
		o.written.Add(int64(n))
		b = b[n:]
		if err != nil {
			o.drop(conn)
		}
	}
	return true
}

func (o *output) current() net.Conn {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conn
}

func (o *output) drop(conn net.Conn) {
	_ = conn.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		o.conn = nil
	}
}

// redial waits until somebody serves the pipe again; nil when the output was closed first.
func (o *output) redial() net.Conn {
	o.state.Store(absent)
	for pause := redialPause; o.ctx.Err() == nil; pause = min(2*pause, redialMost) {
		conn, err := o.dial(o.ctx, o.path)
		if err == nil {
			o.mu.Lock()
			closed := o.ctx.Err() != nil
			if !closed {
				o.conn = conn
			}
			o.mu.Unlock()
			if !closed {
				return conn
			}
			_ = conn.Close()
			return nil
		}
		select {
		case <-o.ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func (o *output) close() {
	o.mu.Lock()
	o.stop()
	conn := o.conn
	o.conn = nil
	o.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}
