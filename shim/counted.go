package shim

import (
	"net"
	"sync"
	"time"
)

// counted is a listener that knows when its clients have gone.
type counted struct {
	net.Listener

	mu   sync.Mutex
	open int
	none chan struct{} // closed while no client is connected
}

// Accept counts the connection until it is closed.
func (l *counted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == 0 && closed(l.none) {
		l.none = make(chan struct{})
	}
	l.open++
	return &guardedConn{Conn: &countedConn{Conn: conn, l: l}}, nil
}

// count is how many clients are connected.
func (l *counted) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wait returns when no client is connected, or after the bound.
func (l *counted) wait(bound time.Duration) {
	l.mu.Lock()
	none := l.none
	l.mu.Unlock()
	select {
	case <-none:
	case <-time.After(bound):
	}
}

type countedConn struct {
	net.Conn
	l    *counted
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		if c.l.open--; c.l.open == 0 {
			close(c.l.none)
		}
	})
	return c.Conn.Close()
}
