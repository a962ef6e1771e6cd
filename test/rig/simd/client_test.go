package main

import (
	"encoding/json"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/test/rig/wire"
)

const (
	base    = `C:\layers\1`
	scratch = `\\?\C:\layers\2`
)

// patience bounds what must happen; nothing here takes that long when it works.
const patience = 10 * time.Second

// rig is a server on a real socket with one base layer and one scratch.
type rig struct {
	*testing.T
	srv  *server
	done chan error // of serve
}

func newRig(t *testing.T) *rig {
	t.Helper()
	store := sim.NewMemory()
	store.AddDir(base)
	store.AddScratch(scratch)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, srv: newServer(sim.New(sim.Config{Store: store}), l, nil), done: make(chan error, 1)}
	go func() { r.done <- r.srv.serve() }()
	t.Cleanup(func() {
		r.srv.stop()
		select {
		case err := <-r.done:
			r.done <- err // a test may have looked already
		case <-time.After(patience):
			t.Error("the server does not end")
		}
	})
	return r
}

// peer is a client process on a connection of its own.
type peer struct {
	*testing.T
	conn   net.Conn
	events chan []string

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]chan wire.Frame
}

func (r *rig) connect(name string) *peer {
	r.Helper()
	conn, err := net.Dial("tcp", r.srv.listen.Addr().String())
	if err != nil {
		r.Fatal(err)
	}
	p := &peer{T: r.T, conn: conn, events: make(chan []string, 100), waiting: map[uint32]chan wire.Frame{}}
	r.Cleanup(func() { conn.Close() })
	go p.read()
	p.ok("Hello", name, "42")
	return p
}

func (p *peer) read() {
	defer close(p.events)
	for {
		f, err := wire.Read(p.conn)
		if err != nil {
			return
		}
		if f.ID == 0 {
			p.events <- f.Fields
			continue
		}
		p.mu.Lock()
		c := p.waiting[f.ID]
		delete(p.waiting, f.ID)
		p.mu.Unlock()
		c <- f
	}
}

// send sends a request and returns where its reply comes.
func (p *peer) send(fields ...string) <-chan wire.Frame {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	c := make(chan wire.Frame, 1)
	p.waiting[p.next] = c
	if err := wire.Write(p.conn, wire.Frame{ID: p.next, Fields: fields}); err != nil {
		p.Fatal(err)
	}
	return c
}

func (p *peer) get(c <-chan wire.Frame) wire.Frame {
	p.Helper()
	select {
	case f := <-c:
		return f
	case <-time.After(patience):
		p.Fatal("no reply")
		return wire.Frame{}
	}
}

// ok makes a call that must succeed, and returns its results.
func (p *peer) ok(fields ...string) []string {
	p.Helper()
	f := p.get(p.send(fields...))
	if f.Code != 0 {
		p.Fatalf("%q: 0x%08x %q", fields, f.Code, f.Fields)
	}
	return f.Fields
}

// one is ok for a call with one result.
func (p *peer) one(fields ...string) string {
	p.Helper()
	got := p.ok(fields...)
	if len(got) != 1 {
		p.Fatalf("%q gave %q, want one result", fields, got)
	}
	return got[0]
}

// fails makes a call that must fail with the code, and returns the error document.
func (p *peer) fails(code hcs.Code, fields ...string) schema.ResultError {
	p.Helper()
	return p.failed(code, p.get(p.send(fields...)))
}

func (p *peer) failed(code hcs.Code, f wire.Frame) schema.ResultError {
	p.Helper()
	var d schema.ResultError
	if f.Code != uint32(code) || len(f.Fields) != 1 {
		p.Fatalf("0x%08x %q, want 0x%08x and a document", f.Code, f.Fields, uint32(code))
	}
	if err := json.Unmarshal([]byte(f.Fields[0]), &d); err != nil {
		p.Fatalf("error document %s: %v", f.Fields[0], err)
	}
	if uint32(d.Error) != uint32(code) { //nolint:gosec // the bits are the point
		p.Fatalf("document says %d, the reply 0x%08x", d.Error, uint32(code))
	}
	return d
}

// event is the next event, which must come.
func (p *peer) event() []string {
	p.Helper()
	select {
	case e, ok := <-p.events:
		if !ok {
			p.Fatal("the connection ended")
		}
		return e
	case <-time.After(patience):
		p.Fatal("no event")
		return nil
	}
}

// mount makes the scratch ready and returns the document of a container on it.
func (p *peer) mount() string {
	p.Helper()
	p.ok("ActivateLayer", scratch)
	p.ok("PrepareLayer", scratch, `["C:\\layers\\1"]`)
	volume := p.one("GetLayerMountPath", scratch)
	return document(schema.ComputeSystem{
		Owner: "test", SchemaVersion: schema.Version{Major: 2, Minor: 1}, ShouldTerminateOnLastHandleClosed: true,
		Container: &schema.Container{Storage: &schema.Storage{
			Layers: []schema.Layer{{ID: p.one("NameToGuid", "1"), Path: base}}, Path: volume + `\`,
		}},
	})
}

// running makes a started container on handle 1.
func (p *peer) running(id string) {
	p.Helper()
	p.ok("HcsCreateComputeSystem", "2", "1", id, p.mount())
	p.ok("HcsStartComputeSystem", "2", "1", "")
}

// run starts a script on a handle without streams.
func (p *peer) run(handle int, script string) {
	p.Helper()
	p.ok("HcsCreateProcess", "2", "1", strconv.Itoa(handle), document(schema.ProcessParameters{CommandLine: script}), "", "", "")
}

// until waits for a condition of the model.
func (r *rig) until(what string, cond func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("never %s; held: %q", what, r.srv.svc.Held())
		}
	}
}
