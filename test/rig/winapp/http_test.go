package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- answer(l, "it is me") }()
	at := l.Addr().String()
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/", "it is me\nGET / from 127.0.0.1\n", 200},
		{"POST", "/x?y=z", "it is me\nPOST /x?y=z from 127.0.0.1\n", 200},
		{"GET", "/fail", "it is me\nGET /fail from 127.0.0.1\n", 500},
		{"HEAD", "/", "", 200},
	} {
		req, err := http.NewRequest(c.method, "http://"+at+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != c.code || string(b) != c.body || err != nil {
			t.Errorf("%s %s: %d %q (%v), want %d %q", c.method, c.path, r.StatusCode, b, err, c.code, c.body)
		}
	}
	bad, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(bad, "nonsense\n")
	if b, err := io.ReadAll(bad); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 400 ") {
		t.Errorf("nonsense: %q, %v", b, err)
	}
	bad.Close()
	for path, want := range map[string]struct {
		code    uint32
		out     string
		message string
	}{
		"":          {0, "it is me\nGET / from 127.0.0.1\n", ""},
		"/a/b":      {0, "it is me\nGET /a/b from 127.0.0.1\n", ""},
		"/fail":     {1, "", "500 Internal Server Error"},
		"x/unknown": {1, "", "get: dial"},
	} {
		code, out, message := call(t, "get", at+path)
		if code != want.code || out != want.out || !strings.Contains(message, want.message) {
			t.Errorf("get %s: code %d out %q %s", path, code, out, message)
		}
	}
	l.Close()
	if <-done == nil {
		t.Error("it ended without a word")
	}
	for _, wrong := range [][]string{{"serve-http"}, {"get"}, {"get", "a", "b"}} {
		if code, _, message := call(t, wrong...); code != 2 {
			t.Errorf("%q: code %d, %q", wrong, code, message)
		}
	}
}
