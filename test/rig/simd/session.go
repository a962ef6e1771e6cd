package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/test/rig/wire"
)

// lateBound is how long the end of a connection may come after that of its process: the last requests are still read from it.
const lateBound = time.Second

// session is one connection: one client process. Its end is the process's end.
type session struct {
	srv     *server
	conn    net.Conn
	out     *outbox
	client  *sim.Client    // set by Hello
	unwatch func()         // ends the watch over its process; nil for none
	work    sync.WaitGroup // requests

	mu   sync.Mutex
	over chan struct{} // closed when the process ends or loses the service: what it asked for before is answered, for it
}

func newSession(s *server, conn net.Conn) *session {
	return &session{srv: s, conn: conn, out: newOutbox(), over: make(chan struct{})}
}

// cut ends what is held back of the requests so far.
func (ss *session) cut() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	close(ss.over)
	ss.over = make(chan struct{})
}

// request is one request while it is served.
type request struct {
	*session
	name  string
	args  []string
	entry *entry
	over  <-chan struct{}
	after []func() // run when the reply is queued: an event that a call causes follows its reply
}

// run reads requests until the connection ends. Handles are reserved in the order of the requests, so that a later request finds
// the handle of an earlier one.
func (ss *session) run() {
	written := make(chan struct{})
	go func() {
		defer close(written)
		ss.out.drain(ss.conn)
	}()
	for {
		f, err := wire.Read(ss.conn)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				complain("connection %s: %v", ss.conn.RemoteAddr(), err)
			}
			break
		}
		ss.accept(f)
	}
	ss.cut()
	if ss.client != nil {
		ss.client.Close()
	}
	if ss.unwatch != nil {
		ss.unwatch()
	}
	ss.work.Wait()
	ss.out.finish()
	<-written
}

// accept begins to serve one request.
func (ss *session) accept(f wire.Frame) {
	ss.mu.Lock()
	r := &request{session: ss, over: ss.over}
	ss.mu.Unlock()
	if len(f.Fields) == 0 {
		ss.reply(f.ID, r, nil, refusal(hcs.ErrInvalidData, "a request without a name"))
		return
	}
	r.name, r.args = f.Fields[0], f.Fields[1:]
	r.entry = table[r.name]
	var err error
	switch {
	case r.entry == nil:
		err = refusal(hcs.ErrNotImplemented, "the service has no call "+r.name)
	case len(r.args) != r.entry.args:
		err = refusal(hcs.ErrInvalidData, fmt.Sprintf("%s has %d arguments, wants %d", r.name, len(r.args), r.entry.args))
	case ss.client == nil && r.name != "Hello":
		err = refusal(hcs.ErrInvalidHandle, "no Hello yet")
	case r.name == "Hello":
		err = ss.hello(r.args)
		ss.reply(f.ID, r, nil, err)
		return
	case r.entry.makes >= 0:
		h, bad := r.handle(r.entry.makes)
		if err = bad; err == nil {
			err = ss.client.Reserve(h)
		}
	}
	if err != nil {
		ss.reply(f.ID, r, nil, err)
		return
	}
	ss.work.Go(func() { r.serve(f.ID) })
}

// hello names the client. It is served before the next request is read.
func (ss *session) hello(args []string) error {
	pid, err := strconv.Atoi(args[1])
	if err != nil {
		return refusal(hcs.ErrInvalidData, "process id "+args[1])
	}
	if ss.client != nil {
		return refusal(hcs.ErrInvalidState, "a second Hello")
	}
	ss.client = ss.srv.svc.Connect(args[0], pid)
	// Wine's server now and then keeps the socket of a killed process open. Only a DLL tells a Windows process's id.
	if watch := ss.srv.outlives; watch != nil && strings.HasSuffix(args[0], ".exe") {
		ss.unwatch, err = watch(uint32(pid), func() { //nolint:gosec // as the DLL wrote it
			time.Sleep(lateBound)
			_ = ss.conn.Close()
		})
		if err != nil {
			complain("watch over %s %d: %v", args[0], pid, err)
		}
	}
	ss.client.OnLoss(func() {
		ss.cut()
		ss.out.put(event("service", "", ""))
	})
	return nil
}

// serve makes the call, under the rules of the fault set.
func (r *request) serve(frame uint32) {
	var a fault.Action
	id := ""
	if r.entry.about != nil {
		id = r.entry.about(r)
		a = r.srv.faults.Match(fault.Call(r.name), id)
	}
	if a.Rule != "" {
		r.client.Note(r.name, id, "fault: "+a.Rule)
	}
	if !a.Hold(r.over) {
		return
	}
	var results []string
	var err error
	if a.Kind != fault.Fail {
		results, err = r.entry.run(r)
	}
	if a.Kind == fault.Fail || a.Kind == fault.Lose {
		results, err = nil, &hcs.Error{Op: r.name, ID: id, Code: a.Code, Message: "fault: " + a.Rule}
	}
	if err != nil && r.entry.makes >= 0 {
		h, _ := r.handle(r.entry.makes)
		r.client.Abandon(h)
	}
	r.reply(frame, r, results, err)
	for _, f := range r.after {
		f()
	}
}

// reply queues an answer: the results, or the code and the ResultError document, in the family of the DLL that the client called.
func (ss *session) reply(frame uint32, r *request, results []string, err error) {
	f := wire.Frame{ID: frame, Fields: results}
	if err != nil {
		var e *hcs.Error
		if !errors.As(err, &e) {
			e = &hcs.Error{Op: r.name, Code: hcs.ErrInvalidData, Message: err.Error()}
		}
		f.Code = uint32(e.Code)
		if r.v1() {
			f.Code = uint32(e.Code.V1())
		}
		f.Fields = []string{sim.ErrorDocument(e, r.v1())}
	}
	ss.out.put(f)
}

// v1 reports whether the call came through vmcompute.dll.
func (r *request) v1() bool {
	return r.entry != nil && r.entry.abi && len(r.args) > 0 && r.args[0] == "1"
}

// handle is an argument that names a handle.
func (r *request) handle(i int) (sim.Handle, error) {
	n, err := strconv.ParseUint(r.args[i], 10, 64)
	if err != nil {
		return 0, refusal(hcs.ErrInvalidHandle, "handle "+r.args[i])
	}
	return sim.Handle(n), nil
}

func refusal(code hcs.Code, why string) error { return &hcs.Error{Code: code, Message: why} }

func event(kind, handle, data string) wire.Frame {
	return wire.Frame{Fields: []string{kind, handle, data}}
}

// gate holds an event back until the reply to the request that asked for it is queued.
type gate struct {
	out  *outbox
	mu   sync.Mutex
	open bool
	held []wire.Frame
}

func (r *request) gate() *gate {
	g := &gate{out: r.out}
	r.after = append(r.after, g.release)
	return g
}

func (g *gate) put(f wire.Frame) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open {
		g.out.put(f)
	} else {
		g.held = append(g.held, f)
	}
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
	for _, f := range g.held {
		g.out.put(f)
	}
}
