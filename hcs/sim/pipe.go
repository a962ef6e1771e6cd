package sim

import (
	"io"
	"os"
	"sync"
	"time"
)

// pipeCapacity is the buffer of a pipe, each way: that of the pipes that HCS gives (§4).
const pipeCapacity = 64 << 10

// buffer is one direction of a pipe: bounded, so that back-pressure is real. As with a named pipe, a reader sees io.EOF when it has
// read what was written before the writer closed, and a writer fails at once when the reader has closed.
type buffer struct {
	mu         sync.Mutex
	data       []byte
	start      int // data[start:] is unread
	noReader   bool
	noWriter   bool
	changed    chan struct{} // closed and replaced when something changed; nil when nobody waits
	readLimit  limit
	writeLimit limit
}

// limit is a deadline.
type limit struct {
	timer   *time.Timer
	expired chan struct{} // nil: no deadline
}

// never is a stop channel for calls that have none.
var never chan struct{}

// wait is called with mu held, waits for a change, and returns with mu held.
func (b *buffer) wait(l *limit, stop <-chan struct{}) error {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	changed, expired := b.changed, l.expired
	b.mu.Unlock()
	defer b.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-expired:
		return os.ErrDeadlineExceeded
	case <-stop:
		return io.ErrClosedPipe
	}
}

func (b *buffer) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

func (l *limit) passed() bool {
	select {
	case <-l.expired:
		return true
	default:
		return false
	}
}

func (b *buffer) read(p []byte, stop <-chan struct{}) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.noReader:
			return 0, io.ErrClosedPipe
		case b.readLimit.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case b.start < len(b.data):
			n := copy(p, b.data[b.start:])
			if b.start += n; b.start == len(b.data) {
				b.data, b.start = b.data[:0], 0
			}
			b.wake()
			return n, nil
		case b.noWriter:
			return 0, io.EOF
		}
		if err := b.wait(&b.readLimit, stop); err != nil {
			return 0, err
		}
	}
}

func (b *buffer) write(p []byte, stop <-chan struct{}) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	done := 0
	for {
		switch {
		case b.noReader || b.noWriter:
			return done, io.ErrClosedPipe
		case b.writeLimit.passed():
			return done, os.ErrDeadlineExceeded
		case done == len(p):
			return done, nil
		}
		if room := pipeCapacity - (len(b.data) - b.start); room > 0 {
			n := min(room, len(p)-done)
			if b.start > 0 && len(b.data)+n > pipeCapacity {
				b.data, b.start = append(b.data[:0], b.data[b.start:]...), 0
			}
			b.data = append(b.data, p[done:done+n]...)
			done += n
			b.wake()
			continue
		}
		if err := b.wait(&b.writeLimit, stop); err != nil {
			return done, err
		}
	}
}

// closeRead and closeWrite close one side; the first call counts. What is buffered when the reader goes is lost.
func (b *buffer) closeRead() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noReader, b.data, b.start = true, nil, 0
	b.wake()
}

func (b *buffer) closeWrite() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noWriter = true
	b.wake()
}

func (b *buffer) setLimit(l *limit, t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer, l.expired = nil, nil
	b.wake() // a waiter takes the new deadline
	if t.IsZero() {
		return
	}
	expired := make(chan struct{})
	l.expired = expired
	if d := time.Until(t); d > 0 {
		l.timer = time.AfterFunc(d, func() { close(expired) })
	} else {
		close(expired)
	}
}

// Reader is the reading end of a one-way pipe.
type Reader struct {
	b     *buffer
	after func() // tells the owner that it is closed
}

// Writer is its writing end.
type Writer struct {
	b     *buffer
	after func()
}

// Pipe makes a one-way pipe.
func Pipe() (*Reader, *Writer) {
	b := &buffer{}
	return &Reader{b: b}, &Writer{b: b}
}

func (r *Reader) Read(p []byte) (int, error) { return r.b.read(p, never) }

// ReadUntil is Read that gives up when stop is closed.
func (r *Reader) ReadUntil(stop <-chan struct{}, p []byte) (int, error) { return r.b.read(p, stop) }

// Finish makes the reader see io.EOF after what was written so far; writing fails from now on.
func (r *Reader) Finish() { r.b.closeWrite() }

// Close ends reading; it never fails.
func (r *Reader) Close() error {
	r.b.closeRead()
	if r.after != nil {
		r.after()
	}
	return nil
}

func (w *Writer) Write(p []byte) (int, error) { return w.b.write(p, never) }

// WriteUntil is Write that gives up when stop is closed.
func (w *Writer) WriteUntil(stop <-chan struct{}, p []byte) (int, error) { return w.b.write(p, stop) }

// Close ends writing; it never fails.
func (w *Writer) Close() error {
	w.b.closeWrite()
	if w.after != nil {
		w.after()
	}
	return nil
}
