package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/windows"
)

// Addresses of two containers, outside of those that instances of the rig give to pods.
const (
	one = "127.63.0.1"
	two = "127.63.0.2"
)

// WSAEADDRINUSE, for which Wine has no text, and WSAECONNREFUSED.
const (
	inUse   = "error: winapi error #10048"
	refused = "error: Connection refused."
)

// addressed is the environment of a program of a container with that address.
func addressed(c *check, address string) []string {
	_, env := volume(c)
	return append(env, "HCSSIM_ADDRESS="+address)
}

// freePort is one on which nothing listens at the moment.
func freePort(c *check) string {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	c.must(err, "find a port")
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// socketTCP: two containers and the host listen on one port, each answers for itself, and each asker is known.
func socketTCP(c *check) {
	first, second := addressed(c, one), addressed(c, two)
	for _, host := range []string{"", "0.0.0.0", "[::]", "127.0.0.1", "localhost"} {
		at := host + ":" + freePort(c)
		port := at[strings.LastIndex(at, ":")+1:]
		what := "listen on " + at + ": "
		a := startChild(c, first, "serve", "tcp", at, "one")
		b := startChild(c, second, "serve", "tcp", at, "two")
		h := startChild(c, nil, "serve", "tcp", "127.0.0.1:"+port, "host")
		for _, f := range []struct {
			name   string
			env    []string
			target string
			want   string
		}{
			{"the host asks one", nil, one, "one, to 127.0.0.1"},
			{"the host asks two", nil, two, "two, to 127.0.0.1"},
			{"the host asks itself", nil, "127.0.0.1", "host, to 127.0.0.1"},
			{"one asks two", first, two, "two, to " + one},
			{"two asks one", second, one, "one, to " + two},
			{"one asks its localhost", first, "127.0.0.1", "one, to " + one},
			{"one asks localhost by name", first, "localhost", "one, to " + one},
			{"one asks localhost of IPv6", first, "[::1]", "one, to " + one},
			{"two asks its localhost", second, "127.0.0.1", "two, to " + two},
			{"two asks itself", second, two, "two, to " + two},
			{"one asks two in IPv6", first, "[::ffff:" + two + "]", "two, to " + one},
		} {
			equal(c, runChild(c, f.env, "ask", "tcp", f.target+":"+port), f.want, what+f.name)
		}
		equal(c, runChild(c, first, "ask-plain", two+":"+port), "two, to "+one, what+"connect without bind")
		equal(c, runChild(c, first, "ask-plain", "127.0.0.1:"+port), "one, to "+one, what+"connect without bind to localhost")
		equal(c, runChild(c, first, "serve", "tcp", at, ""), inUse, what+"a second time")
		for _, r := range []*running{a, b, h} {
			r.end()
		}
		equal(c, runChild(c, first, "ask", "tcp", "127.0.0.1:"+port), refused, what+"nobody listens")
	}
	// A port of the system's choice.
	a := startChild(c, first, "serve", "tcp", ":0", "one")
	a.end()
}

// socketUDP: a datagram socket for both families is the container's own. Those of IPv4 alone, which ask here, are the machine's.
func socketUDP(c *check) {
	first, second := addressed(c, one), addressed(c, two)
	for _, host := range []string{"", "[::]"} {
		at := host + ":" + freePort(c)
		port := at[strings.LastIndex(at, ":")+1:]
		what := "listen on " + at + ": "
		a := startChild(c, first, "serve", "udp", at, "one")
		b := startChild(c, second, "serve", "udp", at, "two")
		equal(c, runChild(c, nil, "ask-loose", one+":"+port), "one, to 127.0.0.1", what+"the host asks one")
		equal(c, runChild(c, first, "ask", "udp", two+":"+port), "two, to 127.0.0.1", what+"one asks two")
		equal(c, runChild(c, second, "ask", "udp", one+":"+port), "one, to 127.0.0.1", what+"two asks one")
		equal(c, runChild(c, first, "ask", "udp", "127.0.0.1:"+port), "one, to 127.0.0.1", what+"one asks its localhost")
		equal(c, runChild(c, second, "ask-loose", one+":"+port), "one, to 127.0.0.1", what+"send without connect")
		a.end()
		b.end()
	}
}

// socketHidden: what a container's program sees of it, also one that is started by another.
func socketHidden(c *check) {
	env := append(addressed(c, one), "HCSSIM_HOSTNAME=web-0-of-a-long-name")
	self, err := os.Executable()
	c.must(err, "own path")
	equal(c, runChild(c, env, "env"), "HCSSIM_ROOT", "environment")
	equal(c, runChild(c, env, "hostname"), "web-0-of-a-long-name WEB-0-OF-A-LONG", "host name")
	equal(c, runChild(c, env, "exec", self, "", "hostname"), "web-0-of-a-long-name WEB-0-OF-A-LONG", "host name of a child")
	equal(c, runChild(c, env, "exec", self, "", "env"), "HCSSIM_ROOT OTHER", "environment of a child")
	port := freePort(c)
	a := startChild(c, env, "serve", "tcp", ":"+port, "one")
	defer a.end()
	equal(c, runChild(c, env, "exec", self, "", "ask", "tcp", "127.0.0.1:"+port), "one, to "+one, "a child asks its localhost")
	own, err := hostname()
	c.must(err, "own host name")
	equal(c, runChild(c, env[:len(env)-1], "hostname"), own, "host name of a container without one")
	// An address that is none changes nothing.
	equal(c, runChild(c, append(env, "HCSSIM_ADDRESS=127.63.0.256"), "ask", "tcp", one+":"+port), "one, to 127.0.0.1", "a bad address")
}

// serve answers each who comes with its text and the asker's address.
func serve(network, at, text string) error {
	reply := func(from net.Addr) []byte {
		host, _, _ := net.SplitHostPort(from.String())
		return []byte(text + ", to " + host)
	}
	if network == "udp" {
		c, err := net.ListenPacket("udp", at)
		if err != nil {
			return err
		}
		fmt.Println("ready")
		b := make([]byte, 100)
		for {
			_, from, err := c.ReadFrom(b)
			if err != nil {
				return err
			}
			if _, err := c.WriteTo(reply(from), from); err != nil {
				return err
			}
		}
	}
	l, err := net.Listen(network, at)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if c.LocalAddr().(*net.TCPAddr).Port != l.Addr().(*net.TCPAddr).Port {
			return fmt.Errorf("listens on: %s, took a connection at %s", l.Addr(), c.LocalAddr())
		}
		_, err = c.Write(reply(c.RemoteAddr()))
		if err = errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
}

// ask says something and returns what comes back.
func ask(network, target string) (string, error) {
	c, err := net.DialTimeout(network, target, patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if network == "udp" {
		if _, err := c.Write([]byte("?")); err != nil {
			return "", err
		}
		b := make([]byte, 100)
		n, err := c.Read(b)
		return string(b[:n]), err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

// raw is a socket of the plain API and a target of IPv4.
func raw(kind int, target string) (windows.Handle, *windows.SockaddrInet4, error) {
	a, err := net.ResolveTCPAddr("tcp4", target)
	if err != nil {
		return 0, nil, err
	}
	s, err := windows.Socket(windows.AF_INET, kind, 0)
	to := &windows.SockaddrInet4{Port: a.Port}
	copy(to.Addr[:], a.IP.To4())
	return s, to, err
}

// receiveRaw reads once, as long as it takes: whoever started this program ends it.
func receiveRaw(s windows.Handle) (string, error) {
	var n, flags uint32
	b := make([]byte, 100)
	err := windows.WSARecv(s, &windows.WSABuf{Len: uint32(len(b)), Buf: &b[0]}, 1, &n, &flags, nil, nil)
	return string(b[:n]), err
}

// askPlain is ask with connect of a socket that is not bound.
func askPlain(target string) (string, error) {
	s, to, err := raw(windows.SOCK_STREAM, target)
	if err != nil {
		return "", err
	}
	defer windows.Closesocket(s)
	if err := windows.Connect(s, to); err != nil {
		return "", err
	}
	return receiveRaw(s)
}

// askLoose is ask by a datagram from a socket that is neither bound nor connected.
func askLoose(target string) (string, error) {
	s, to, err := raw(windows.SOCK_DGRAM, target)
	if err != nil {
		return "", err
	}
	defer windows.Closesocket(s)
	var n uint32
	question := [1]byte{'?'}
	if err := windows.WSASendto(s, &windows.WSABuf{Len: 1, Buf: &question[0]}, 1, &n, 0, to, nil, nil); err != nil {
		return "", err
	}
	return receiveRaw(s)
}

// hostname is the DNS host name, and then NetBIOS's, for which a buffer that is too small is tried first.
func hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	var b [16]uint16
	size := uint32(1) // has only room for the terminator
	if err := windows.GetComputerName(&b[0], &size); err == nil {
		return "", errors.New("GetComputerNameW: took a buffer of 1")
	}
	size = uint32(len(b))
	if err := windows.GetComputerName(&b[0], &size); err != nil {
		return "", err
	}
	return name + " " + windows.UTF16ToString(b[:size]), nil
}
