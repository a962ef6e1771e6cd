package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/test/rig/wire"
)

// pipeOpener opens the client end of a named pipe that a client of the service listens on.
type pipeOpener func(name string, write bool) (io.ReadWriteCloser, error)

// outliver calls f when the process with that id has ended, unless stop was called before. There is none for a process that is not there.
type outliver func(pid uint32, f func()) (stop func(), err error)

// server serves one simulator to many connections.
type server struct {
	svc      *sim.Service
	faults   fault.Set
	open     pipeOpener
	outlives outliver
	listen   net.Listener
	meter    *meter

	mu       sync.Mutex
	sessions map[*session]struct{}
	stopped  bool
	done     sync.WaitGroup // sessions
}

func newServer(svc *sim.Service, l net.Listener, open pipeOpener) *server {
	s := &server{svc: svc, open: open, listen: l, meter: newMeter(), sessions: map[*session]struct{}{}}
	return s
}

// serve accepts until stop, and returns when every session and the service have ended.
func (s *server) serve() error {
	var err error
	for {
		var conn net.Conn
		if conn, err = s.listen.Accept(); err != nil {
			break
		}
		s.mu.Lock()
		if s.stopped {
			s.mu.Unlock()
			conn.Close()
			break
		}
		ss := newSession(s, conn)
		s.sessions[ss] = struct{}{}
		s.done.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.done.Done()
			ss.run()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.sessions, ss)
		}()
	}
	s.stop()
	s.done.Wait()
	s.svc.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("accept: %w", err)
}

// stop ends the server: no new connections, and those there are end once their replies are written.
func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	_ = s.listen.Close() // it is over either way
	s.faults.Clear()     // what hangs goes on, and finds its connection ended
	for ss := range s.sessions {
		ss.out.finish()
	}
}

// outbox is the queue of a connection's frames. It is unbounded, because it is filled under the model's lock and must not block: a
// client that does not read costs memory here, as one that does not answer costs it in the real service.
type outbox struct {
	mu     sync.Mutex
	cond   *sync.Cond
	frames []wire.Frame
	closed bool
}

func newOutbox() *outbox {
	o := &outbox{}
	o.cond = sync.NewCond(&o.mu)
	return o
}

func (o *outbox) put(f wire.Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.frames = append(o.frames, f)
		o.cond.Signal()
	}
}

// finish lets the writer end when the queue is empty.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.cond.Signal()
}

// drain writes frames until finish and then closes the connection.
func (o *outbox) drain(conn net.Conn) {
	defer conn.Close()
	for {
		o.mu.Lock()
		for len(o.frames) == 0 && !o.closed {
			o.cond.Wait()
		}
		frames := o.frames
		o.frames = nil
		o.mu.Unlock()
		if len(frames) == 0 {
			return
		}
		for _, f := range frames {
			if err := wire.Write(conn, f); err != nil {
				return // the reader of the connection sees its end
			}
		}
	}
}

// complain reports what only the service's log can tell.
func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "simd: "+format+"\n", args...)
}
