//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"containerd-shim-hcs/test/conform/script"
)

var forwardCases = []Case{
	script.Short("port-forward/both-ways", time.Minute, forwardWorks),
	script.Long("port-forward/twenty-connections", 90*time.Second, forwardMany),
	script.Long("port-forward/closed-port-is-told", time.Minute, forwardClosed),
}

func forwardWorks(t *T) {
	p := t.ready(t.spec(t.netexec("web", 8080)))
	p.serves("8080")
	port := p.forward("8080")
	got, err := t.page(fmt.Sprintf("http://127.0.0.1:%d/echo?msg=through-the-tunnel", port))
	t.Want(err == nil && got == "through-the-tunnel", "the page is %q, %v", got, err)
}

// serves waits until the pod's port answers.
func (p *Pod) serves(port string) {
	var err error
	ok := p.t.Until(30*time.Second, func() bool {
		_, err = p.fetch(port, "/hostname")
		return err == nil
	})
	p.t.Want(ok, "port %s of the pod does not answer: %v", port, err)
}

func forwardMany(t *T) {
	p := t.ready(t.spec(t.app("main", "serve-tcp", ":7000")))
	p.says("main", "listening")
	port := p.forward("7000")
	t.Each(20, func(i int) {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), 10*time.Second)
		t.Must(err, "connect to the forwarded port")
		defer c.Close()
		t.Must(c.SetDeadline(time.Now().Add(30*time.Second)), "deadline")
		want := fmt.Sprintf("connection %d of them", i)
		_, err = io.WriteString(c, want)
		t.Must(err, "write")
		got := make([]byte, len(want))
		_, err = io.ReadFull(c, got)
		t.Want(err == nil && string(got) == want, "connection %d got %q, %v", i, got, err)
	})
}

// forwardClosed: the connection ends; it does not hang, and the tunnel is of use for another one.
func forwardClosed(t *T) {
	p := t.ready(t.spec(t.netexec("web", 8080)))
	p.serves("8080")
	port := p.forward("8099")
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), 10*time.Second)
	t.Must(err, "connect to the forwarded port")
	defer c.Close()
	t.Must(c.SetDeadline(time.Now().Add(20*time.Second)), "deadline")
	n, err := c.Read(make([]byte, 1))
	t.Want(n == 0 && err != nil, "a port that nobody serves sent something")
	var late net.Error
	t.Want(!errors.As(err, &late) || !late.Timeout(), "a port that nobody serves does not end the connection")
	port = p.forward("8080")
	got, err := t.page(fmt.Sprintf("http://127.0.0.1:%d/echo?msg=again", port))
	t.Want(err == nil && got == "again", "the page is %q, %v", got, err)
}
