package main

import (
	"io"
	"net"
	"strings"
	"testing"
)

func TestEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- echo(l) }()
	for _, text := range []string{"one", "two"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, text)
		c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != text {
			t.Errorf("got %q (%v), want %q", got, err, text)
		}
		c.Close()
	}
	l.Close()
	if <-done == nil {
		t.Error("it ended without a word")
	}
	if code, _, message := call(t, "serve-tcp", "127.0.0.1:x"); code != 1 || !strings.Contains(message, "serve-tcp") {
		t.Errorf("code %d, %q", code, message)
	}
}
