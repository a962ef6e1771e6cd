package stdio

import (
	"context"
	"io"
	"net"
	"time"

	"containerd-shim-hcs/hcs"
)

const (
	// inputRest is how long, after the client asked to close standard input, bytes that it wrote before may still arrive: the
	// request and the pipe are two connections, and the request can be faster.
	inputRest = 200 * time.Millisecond
	// inputMost is the longest pause between dials of a client that went away.
	inputMost = 5 * time.Second
	// closeBound is for telling the process about the end of its input.
	closeBound = 10 * time.Second
)

// CloseInput ends the process's standard input after what the client wrote so far. It is idempotent and may come before Attach.
func (s *Set) CloseInput() {
	s.mu.Lock()
	was, p, conn := s.closing, s.process, s.stdin
	s.closing = true
	s.mu.Unlock()
	if was {
		return
	}
	close(s.ending)
	if conn != nil {
		shorten(conn)
	} else if p != nil && s.stdinPath == "" {
		s.endInput(p)
	}
}

// shorten makes a read end when the client is silent.
func shorten(conn net.Conn) {
	if err := conn.SetReadDeadline(time.Now().Add(inputRest)); err != nil {
		_ = conn.Close()
	}
}

// relayInput copies until the client hangs up, or CloseInput was called and the client is silent, or the process is gone. A client that
// hangs up while containerd is away is a containerd that restarts: its pipe is dialled again.
func (s *Set) relayInput(p hcs.Process) {
	defer s.endInput(p)
	to := p.Stdin()
	if to == nil {
		return
	}
	for conn := s.input(); conn != nil; conn = s.redialInput() {
		ok := s.copyInput(to, conn)
		_ = conn.Close()
		if !ok || s.ended() || !s.clientAway() {
			return
		}
	}
}

func (s *Set) ended() bool { return closed(s.ending) || closed(s.done) }

// clientAway asks whether containerd is away. A process that dies loses its pipes one after the other, so there is a moment first.
func (s *Set) clientAway() bool {
	select {
	case <-s.ending:
	case <-s.done:
	case <-time.After(inputRest):
	}
	ctx, cancel := context.WithTimeout(context.Background(), inputMost)
	defer cancel()
	return !s.client.Alive(ctx)
}

func (s *Set) input() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stdin
}

// copyInput copies one connection; it reports whether the process takes more.
func (s *Set) copyInput(to io.Writer, conn net.Conn) bool {
	buf := make([]byte, smallBuffer)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return false
			}
		}
		if err != nil {
			return true
		}
		if n == len(buf) && n < largeBuffer {
			buf = make([]byte, largeBuffer)
		}
		if closed(s.ending) {
			shorten(conn)
		}
	}
}

// redialInput waits until somebody serves the pipe again; nil when the input was ended first.
func (s *Set) redialInput() net.Conn {
	s.mu.Lock()
	s.stdin = nil
	s.mu.Unlock()
	for pause := redialPause; ; pause = min(2*pause, inputMost) {
		select {
		case <-s.ending:
			return nil
		case <-s.done:
			return nil
		case <-time.After(pause):
		}
		ctx, cancel := context.WithTimeout(context.Background(), inputMost)
		conn, err := s.client.Dial(ctx, s.stdinPath)
		cancel()
		if err != nil {
			continue
		}
		s.mu.Lock()
		ending, gone := s.closing, s.closed
		if !gone {
			s.stdin = conn
		}
		s.mu.Unlock()
		if gone {
			_ = conn.Close()
			return nil
		}
		if ending {
			shorten(conn)
		}
		return conn
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// endInput makes the process read end-of-file. Both are needed: HCS keeps its own end of the pipe until it is told.
func (s *Set) endInput(p hcs.Process) {
	if p.Stdin() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeBound)
	defer cancel()
	_ = p.CloseStdin(ctx) // an error means that the process has ended
	_ = p.Stdin().Close()
}
