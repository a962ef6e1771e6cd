//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var attachCases = []Case{
	script.Short("attach/talk", 0, attachTalk),
	script.Long("attach/left-and-come-back", 0, attachAgain),
	script.Long("attach/input-ends-with-the-only-client", 0, attachOnce),
	script.Long("attach/every-byte-of-a-large-output", 2*time.Minute, attachWhole),
}

// session is a client that is attached to a container.
type session struct {
	conn client.HijackedResponse
	text chan string // all of stdout and stderr, once the stream has ended
}

func (b *Box) attach() *session {
	c, err := b.t.engine.ContainerAttach(b.t.Ctx, b.id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	b.t.Must(err, "attach")
	s := &session{c.HijackedResponse, make(chan string, 1)}
	go func() {
		var out bytes.Buffer
		_, _ = stdcopy.StdCopy(&out, &out, s.conn.Reader)
		s.text <- lines(out.String())
	}()
	return s
}

func (s *session) types(t *T, line string) {
	_, err := s.conn.Conn.Write([]byte(line + "\n"))
	t.Must(err, "type %q", line)
}

// ended is what the session has heard, once the stream has ended.
func (s *session) ended(t *T) string {
	select {
	case text := <-s.text:
		return text
	case <-time.After(textBound):
		t.Fail("the attached stream does not end")
	}
	return ""
}

func interactive(s *spec) { s.OpenStdin = true }

func attachTalk(t *T) {
	b := t.create(with("serve-lines"), interactive, func(s *spec) { s.StdinOnce = true })
	s := b.attach()
	defer s.conn.Close()
	b.start()
	s.types(t, "one")
	b.says("got: one")
	s.types(t, "two")
	b.says("got: two")
	t.Must(s.conn.CloseWrite(), "close standard input")
	b.endsWith(0)
	got := s.ended(t)
	t.Want(got == "ready\ngot: one\ngot: two\n", "the client heard %q", got)
}

// attachAgain: who leaves may come back, and the input stays open meanwhile.
func attachAgain(t *T) {
	b := t.run(with("serve-lines"), interactive)
	for _, word := range []string{"first", "second"} {
		s := b.attach()
		s.types(t, word)
		b.says("got: " + word)
		s.conn.Close()
	}
	b.kill("KILL")
	b.ended()
}

// attachWhole: the engine's log takes text only, an attached client gets what the program wrote.
func attachWhole(t *T) {
	const size = 8 << 20
	sum := t.run(with("hash", fmt.Sprint(size)))
	sum.endsWith(0)
	want, _ := sum.streams()
	b := t.create(with("burst", fmt.Sprint(size)))
	c, err := t.engine.ContainerAttach(t.Ctx, b.id, client.ContainerAttachOptions{Stream: true, Stdout: true})
	t.Must(err, "attach")
	defer c.Close()
	b.start()
	h := sha256.New()
	n, err := stdcopy.StdCopy(h, io.Discard, c.Reader)
	t.Must(err, "read")
	got := hex.EncodeToString(h.Sum(nil))
	t.Want(got == strings.TrimSpace(want), "%d bytes with hash %s, want %d with %s", n, got, size, strings.TrimSpace(want))
	b.endsWith(0)
}

func attachOnce(t *T) {
	b := t.create(with("cat"), interactive, func(s *spec) { s.StdinOnce = true })
	s := b.attach()
	b.start()
	s.types(t, "last words")
	b.says("last words")
	s.conn.Close()
	b.endsWith(0)
}
