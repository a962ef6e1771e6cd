package main

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"containerd-shim-hcs/hcs/sim"
)

// forwarder publishes ports on 127.0.0.1, and forwards them to the pods' addresses, which are loopback's too.
type forwarder struct{}

const (
	dialBound = 5 * time.Second
	// quiet is how long the answers to a datagram are waited for (RFC 4787 wants two minutes at least).
	quiet = 2 * time.Minute
)

func (forwarder) Forward(f sim.Forwarding) (uint16, func(), error) {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), f.Port)
	if f.UDP {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return 0, nil, err
		}
		go datagrams(conn, f)
		return portOf(conn.LocalAddr()), func() { _ = conn.Close() }, nil
	}
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return 0, nil, err
	}
	s := &streams{open: map[net.Conn]struct{}{}}
	go s.serve(l, f)
	return portOf(l.Addr()), func() { _ = l.Close(); s.close() }, nil
}

func portOf(a net.Addr) uint16 { return netip.MustParseAddrPort(a.String()).Port() }

// streams are the connections of one mapping: they end with it.
type streams struct {
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
}

func (s *streams) serve(l net.Listener, f sim.Forwarding) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.one(conn, f)
	}
}

func (s *streams) one(client net.Conn, f sim.Forwarding) {
	defer s.forget(client)
	if !s.keep(client) {
		return
	}
	server, err := net.DialTimeout("tcp4", f.To.String(), dialBound)
	if err != nil {
		return // the client sees the end, as it would of a port that nobody listens on
	}
	defer s.forget(server)
	if !s.keep(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(server, client, func(n int) { f.Passed(n, 0) }) })
	both.Go(func() { pass(client, server, func(n int) { f.Passed(0, n) }) })
	both.Wait()
}

// pass copies one direction, and passes on its end.
func pass(to, from net.Conn, passed func(int)) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			passed(n)
			if _, werr := to.Write(b[:n]); werr != nil {
				_ = from.Close()
				return
			}
		}
		if err != nil {
			if half, ok := to.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
				_ = half.CloseWrite()
			} else {
				_ = to.Close()
			}
			return
		}
	}
}

func (s *streams) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.open[c] = struct{}{}
	}
	return !s.closed
}

func (s *streams) forget(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
}

// datagrams forwards until its socket is closed. Each client has a socket of its own towards the pod, so that answers find their way.
func datagrams(conn *net.UDPConn, f sim.Forwarding) {
	var mu sync.Mutex
	servers := map[netip.AddrPort]*net.UDPConn{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range servers {
			_ = s.Close()
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, client, err := conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // the client of an earlier answer is gone
			continue
		}
		mu.Lock()
		server := servers[client]
		if server == nil {
			if server, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(f.To)); err != nil {
				mu.Unlock()
				continue
			}
			servers[client] = server
			go func() {
				answers(conn, server, client, f)
				mu.Lock()
				defer mu.Unlock()
				delete(servers, client)
			}()
		}
		mu.Unlock()
		f.Passed(n, 0)
		_, _ = server.Write(b[:n])
		_ = server.SetReadDeadline(time.Now().Add(quiet))
	}
}

// answers sends what a pod answers back to a client, until there is nothing for a while.
func answers(to, server *net.UDPConn, client netip.AddrPort, f sim.Forwarding) {
	defer server.Close()
	_ = server.SetReadDeadline(time.Now().Add(quiet))
	b := make([]byte, 64<<10)
	for {
		n, err := server.Read(b)
		if err != nil {
			return
		}
		f.Passed(0, n)
		if _, err := to.WriteToUDPAddrPort(b[:n], client); err != nil {
			return
		}
	}
}
