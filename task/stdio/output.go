package stdio

import (
	"context"
	"errors"
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
	probeBound  = 100 * time.Millisecond
)

// What a relay is doing, for Drain.
const (
	reading int32 = iota // waiting for the process
	writing              // the client has not taken the bytes yet
	absent               // nobody serves the client's pipe
)

// output is one stream to its destination. When that breaks, which is what a restart of containerd looks like, it is opened again under the
// same name, and the bytes that were not accepted are written again.
type output struct {
	to   destination
	ctx  context.Context // ends with close
	stop context.CancelFunc
	done chan struct{} // closed when the relay has ended

	state   atomic.Int32
	failing bool         // the relay's own: patience is over
	unheard bool         // the relay's own, until done: whoever was connected at the end has gone
	read    atomic.Int64 // bytes taken from the process
	written atomic.Int64 // bytes the client accepted

	mu   sync.Mutex // guards conn
	conn io.WriteCloser
}

func newOutput(ctx context.Context, to destination) (*output, error) {
	conn, err := to.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", to.name, err)
	}
	o := &output{to: to, conn: conn, done: make(chan struct{})}
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
			o.unheard = o.to.patience == 0 && !o.connected()
			return
		}
		if n == len(buf) && n < largeBuffer {
			buf = make([]byte, largeBuffer)
		}
	}
}

// connected asks whether a client's pipe still has somebody at its other end: a write of nothing fails when it has not (assumed of
// Windows, whose pipes look at their state before the length).
func (o *output) connected() bool {
	conn, _ := o.current().(net.Conn)
	if conn == nil || conn.SetWriteDeadline(time.Now().Add(probeBound)) != nil {
		return false
	}
	_, err := conn.Write(nil)
	var late net.Error
	return err == nil || errors.As(err, &late) && late.Timeout()
}

// farewell opens the client's pipe until that succeeds, and closes it: who attached again, to a stream with nothing more to say, sees its
// end.
func (o *output) farewell(over, quit <-chan struct{}) {
	for pause := redialPause; ; pause = min(2*pause, redialMost) {
		ctx, cancel := context.WithTimeout(context.Background(), redialMost) // its pipe may be there and busy
		conn, err := o.to.open(ctx)
		cancel()
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-over:
			return
		case <-quit:
			return
		case <-time.After(pause):
		}
	}
}

// write delivers all of b or, when the destination's patience ends, drops what is left. It reports false when the output was closed.
func (o *output) write(b []byte) bool {
	o.state.Store(writing)
	for len(b) > 0 {
		conn := o.current()
		if conn == nil {
			if conn = o.reopen(); conn == nil {
				return o.ctx.Err() == nil
			}
			o.state.Store(writing)
			o.failing = false
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

func (o *output) current() io.WriteCloser {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conn
}

func (o *output) drop(conn io.WriteCloser) {
	_ = conn.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == conn {
		o.conn = nil
	}
}

// reopen waits until the destination is there again; nil when the output was closed first, or when patience is over. From then on each
// chunk has one try, until one succeeds.
func (o *output) reopen() io.WriteCloser {
	o.state.Store(absent)
	since := time.Now()
	for pause := redialPause; o.ctx.Err() == nil; pause = min(2*pause, redialMost) {
		conn, err := o.to.open(o.ctx)
		if err == nil {
			return o.take(conn)
		}
		if errors.Is(err, errGone) || o.to.patience > 0 && (o.failing || time.Since(since) >= o.to.patience) {
			o.failing = true
			return nil
		}
		select {
		case <-o.ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// take makes conn the present one unless the output is closed.
func (o *output) take(conn io.WriteCloser) io.WriteCloser {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ctx.Err() != nil {
		_ = conn.Close()
		return nil
	}
	o.conn = conn
	return conn
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
