package stdio

import (
	"context"
	"time"

	"containerd-shim-hcs/hcs"
)

const (
	// inputRest is how long, after the client asked to close standard input, bytes that it wrote before may still arrive: the
	// request and the pipe are two connections, and the request can be faster.
	inputRest = 200 * time.Millisecond
	// closeBound is for telling the process about the end of its input.
	closeBound = 10 * time.Second
)

// CloseInput ends the process's standard input after what the client wrote so far. It is idempotent and may come before Attach.
func (s *Set) CloseInput() {
	s.mu.Lock()
	was, p := s.closing, s.process
	s.closing = true
	s.mu.Unlock()
	if was {
		return
	}
	if s.stdin != nil {
		s.shorten()
	} else if p != nil {
		s.endInput(p)
	}
}

// shorten makes the relay's read end when the client is silent.
func (s *Set) shorten() {
	if err := s.stdin.SetReadDeadline(time.Now().Add(inputRest)); err != nil {
		_ = s.stdin.Close()
	}
}

// relayInput copies until the client closes its end or CloseInput was called and the client is silent.
func (s *Set) relayInput(p hcs.Process) {
	defer s.stdin.Close()
	defer s.endInput(p)
	to := p.Stdin()
	if to == nil {
		return
	}
	buf := make([]byte, smallBuffer)
	for {
		n, err := s.stdin.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return // the process does not read any more
			}
		}
		if err != nil {
			return
		}
		if n == len(buf) && n < largeBuffer {
			buf = make([]byte, largeBuffer)
		}
		if s.ending() {
			s.shorten()
		}
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
