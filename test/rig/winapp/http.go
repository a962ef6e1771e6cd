package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// serveHTTP is by hand, as much of HTTP/1.1 as a probe or a browser needs: net/http would make the program, and with it each container of
// the rig, three times as large.
func serveHTTP(out *bufio.Writer, args []string) error {
	if len(args) < 1 {
		return usage("want ADDRESS [TEXT…]")
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	say(out, "listening")
	return answer(l, strings.Join(args[1:], " "))
}

// answer serves until the listener is closed.
func answer(l net.Listener, text string) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_ = respond(c, text) // its end is the client's business
		}()
	}
}

// patience is how long a client may take for its request.
const patience = 10 * time.Second

// respond answers one request: 500 for a path with "fail" in it, 200 for every other. The body is the text, then who asked for what.
func respond(c net.Conn, text string) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	first, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	f := strings.Fields(first)
	if len(f) != 3 || !strings.HasPrefix(f[2], "HTTP/1.") {
		_, err := fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return errors.Join(fmt.Errorf("request %q", first), err)
	}
	for line := first; strings.TrimSpace(line) != ""; {
		if line, err = r.ReadString('\n'); err != nil {
			return err
		}
	}
	status := "200 OK"
	if strings.Contains(f[1], "fail") {
		status = "500 Internal Server Error"
	}
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return err
	}
	body := fmt.Sprintf("%s\n%s %s from %s\n", text, f[0], f[1], host)
	length := len(body)
	if f[0] == "HEAD" {
		body = ""
	}
	_, err = fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, length, body)
	return err
}

// get prints the body, or the status when it is none of success.
func get(out *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want HOST:PORT/PATH")
	}
	address, path, _ := strings.Cut(args[0], "/")
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", path, address); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	first, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	if f := strings.Fields(first); len(f) < 2 || !strings.HasPrefix(f[1], "2") {
		return fmt.Errorf("%s: %s", args[0], strings.TrimSpace(first))
	}
	for line := first; strings.TrimSpace(line) != ""; {
		if line, err = r.ReadString('\n'); err != nil {
			return err
		}
	}
	_, err = r.WriteTo(out)
	return err
}
