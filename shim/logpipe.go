package shim

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	logLines = 1024            // lines kept for a reader that is not there, or slow
	logBound = 5 * time.Second // for a reader to take a line
)

// logPipe serves the shim's log to whoever reads it: containerd dials when it starts the shim, and again when it restarts. The newest
// connection wins. Writing never waits for the reader: lines that do not fit are dropped, and how many is said in the next one.
type logPipe struct {
	lines   chan []byte
	dropped atomic.Int64
	conns   chan net.Conn // the newest connection, cap 1
	done    chan struct{}
	once    sync.Once
	idle    sync.WaitGroup
}

func newLogPipe() *logPipe {
	p := &logPipe{lines: make(chan []byte, logLines), conns: make(chan net.Conn, 1), done: make(chan struct{})}
	p.idle.Go(p.write)
	return p
}

// Write queues one line.
func (p *logPipe) Write(b []byte) (int, error) {
	line := append([]byte(nil), b...)
	select {
	case p.lines <- line:
	default:
		p.dropped.Add(1)
	}
	return len(b), nil
}

// serve accepts readers until the listener closes.
func (p *logPipe) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		for sent := false; !sent; {
			select {
			case p.conns <- conn:
				sent = true
			case old := <-p.conns: // not taken up yet
				_ = old.Close()
			}
		}
	}
}

// write sends lines to the newest reader.
func (p *logPipe) write() {
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	take := func(c net.Conn) {
		if conn != nil {
			_ = conn.Close()
		}
		conn = c
	}
	for {
		if conn == nil { // keep the lines for the next reader
			select {
			case c := <-p.conns:
				take(c)
			case <-p.done:
				return
			}
			continue
		}
		select {
		case c := <-p.conns:
			take(c)
		case line := <-p.lines:
			n := p.dropped.Swap(0)
			if n > 0 {
				line = append(fmt.Appendf(nil, "level=WARN msg=\"log lines were dropped\" count=%d\n", n), line...)
			}
			_ = conn.SetWriteDeadline(time.Now().Add(logBound))
			if _, err := conn.Write(line); err != nil {
				p.dropped.Add(n + 1) // this line too, and the next reader is told
				take(nil)
			}
		case <-p.done:
			if len(p.lines) == 0 {
				return
			}
		}
	}
}

// close sends what is queued, if there is a reader, and ends.
func (p *logPipe) close() {
	p.once.Do(func() { close(p.done) })
	p.idle.Wait()
}
