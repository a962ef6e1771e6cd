package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// relay serves a pipe by passing each connection on to another pipe.
type relay struct {
	listener net.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

func openRelay(from, to string) (*relay, error) {
	l, err := ListenPipe(from)
	if err != nil {
		return nil, fmt.Errorf("relay: listen on %s: %w", from, err)
	}
	r := &relay{listener: l}
	r.work.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			r.work.Go(func() { r.pass(near, to) })
		}
	})
	return r, nil
}

// pass copies both ways until one side ends, which then is the end of both.
func (r *relay) pass(near net.Conn, to string) {
	defer near.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	far, err := DialPipe(ctx, to)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.conns = append(r.conns, near, far)
	r.mu.Unlock()
	done := make(chan struct{}, 2)
	for _, c := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			io.Copy(c[0], c[1])
			done <- struct{}{}
		}()
	}
	<-done
}

// close ends the relay and its connections, as the end of a process does.
func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}
