package shim

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// memberLogs serve the log pipes of a pod's containers. containerd wants to find one for every container that it starts; what the shim
// has to say about all of them goes to its own, so nothing is ever written to these.
type memberLogs struct {
	namespace string
	listen    func(path string) (net.Listener, error)

	mu     sync.Mutex
	open   map[string]*memberLog
	closed bool
}

var errClosing = errors.New("the shim is closing")

func newMemberLogs(namespace string, listen func(string) (net.Listener, error)) *memberLogs {
	return &memberLogs{namespace: namespace, listen: listen, open: map[string]*memberLog{}}
}

// join serves the pipe of a container. Once is enough, twice does no harm.
func (m *memberLogs) join(id string) error {
	if m.has(id) {
		return nil
	}
	l, err := m.listen(LogAddress(m.namespace, id)) // not under the lock: it may hang
	if err != nil {
		return fmt.Errorf("log pipe of %s: %w", id, err)
	}
	p := &memberLog{listener: l}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		_ = l.Close()
		return errClosing
	}
	if m.open[id] != nil { // made meanwhile
		_ = l.Close()
		return nil
	}
	m.open[id] = p
	go p.serve()
	return nil
}

func (m *memberLogs) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open[id] != nil
}

// leave ends the pipe of a container, if there is one.
func (m *memberLogs) leave(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.open[id]; p != nil {
		delete(m.open, id)
		p.close()
	}
}

func (m *memberLogs) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for id, p := range m.open {
		delete(m.open, id)
		p.close()
	}
}

// memberLog is one pipe, with its newest reader.
type memberLog struct {
	listener net.Listener

	mu     sync.Mutex
	reader net.Conn
	closed bool
}

func (p *memberLog) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		old := p.reader
		p.reader = conn
		if p.closed {
			old, p.reader = conn, nil
		}
		p.mu.Unlock()
		if old != nil {
			_ = old.Close()
		}
	}
}

func (p *memberLog) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.reader != nil {
		_ = p.reader.Close()
	}
}
