package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/test/rig/wire"
)

const addressFile = `C:\hcssim\address`

// answer is what the fake service replies.
type answer struct {
	code   uint32
	fields []string
}

func ok(fields ...string) answer { return answer{fields: fields} }

func refuse(code uint32, document string) answer { return answer{code, []string{document}} }

// fake is a service that answers as the case at hand says; what it does not know it grants without a result.
type fake struct {
	mu       sync.Mutex
	listener net.Listener
	conns    map[*fakeConn]bool
	scripts  map[string]func(args []string) answer
	requests []string
}

type fakeConn struct {
	net.Conn
	write sync.Mutex
}

func newFake() *fake {
	f := &fake{conns: map[*fakeConn]bool{}}
	f.listen()
	return f
}

func (f *fake) listen() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if err := os.MkdirAll(filepath.Dir(addressFile), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(addressFile, []byte(l.Addr().String()), 0o644); err != nil {
		panic(err)
	}
	f.listener = l
	go f.accept(l)
}

func (f *fake) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		conn := &fakeConn{Conn: c}
		f.mu.Lock()
		f.conns[conn] = true
		f.mu.Unlock()
		go f.serve(conn)
	}
}

func (f *fake) serve(c *fakeConn) {
	r := bufio.NewReader(c)
	for {
		frame, err := wire.Read(r)
		if err != nil {
			f.mu.Lock()
			delete(f.conns, c)
			f.mu.Unlock()
			c.Close()
			return
		}
		go f.reply(c, frame)
	}
}

func (f *fake) reply(c *fakeConn, frame wire.Frame) {
	f.mu.Lock()
	f.requests = append(f.requests, strings.Join(frame.Fields, " "))
	script := f.scripts[frame.Fields[0]]
	f.mu.Unlock()
	var a answer
	if script != nil {
		a = script(frame.Fields[1:])
	}
	c.write.Lock()
	defer c.write.Unlock()
	_ = wire.Write(c, wire.Frame{ID: frame.ID, Code: a.code, Fields: a.fields}) // the case may have cut the connection
}

// reset forgets the case before.
func (f *fake) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts = map[string]func([]string) answer{}
	f.requests = nil
}

// on scripts the answers to one request.
func (f *fake) on(name string, script func(args []string) answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[name] = script
}

// always answers the same.
func (f *fake) always(name string, a answer) {
	f.on(name, func([]string) answer { return a })
}

// hold answers once the returned function is called.
func (f *fake) hold(name string, a answer) (release func()) {
	ch := make(chan struct{})
	f.on(name, func([]string) answer {
		<-ch
		return a
	})
	return sync.OnceFunc(func() { close(ch) })
}

// slow answers late.
func (f *fake) slow(name string, d time.Duration, a answer) {
	f.on(name, func([]string) answer {
		time.Sleep(d)
		return a
	})
}

// event sends to every client.
func (f *fake) event(kind string, handle uintptr, data string) {
	f.mu.Lock()
	conns := make([]*fakeConn, 0, len(f.conns))
	for c := range f.conns {
		conns = append(conns, c)
	}
	f.mu.Unlock()
	for _, c := range conns {
		c.write.Lock()
		_ = wire.Write(c, wire.Frame{Fields: []string{kind, fmt.Sprint(handle), data}})
		c.write.Unlock()
	}
}

// stop is the death of the service: no listener, no connection.
func (f *fake) stop() {
	f.listener.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
}

// last is the newest request of that name, with its arguments.
func (f *fake) last(c *check, name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range slices.Backward(f.requests) {
		if r == name || strings.HasPrefix(r, name+" ") {
			return r
		}
	}
	c.fatalf("the service never saw %s", name)
	return ""
}

// count is how often a request came.
func (f *fake) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if r == name || strings.HasPrefix(r, name+" ") {
			n++
		}
	}
	return n
}

// await waits until the request has come.
func (f *fake) await(c *check, name string) {
	deadline := time.Now().Add(patience)
	for f.count(name) == 0 {
		if time.Now().After(deadline) {
			c.fatalf("the service never saw %s", name)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
