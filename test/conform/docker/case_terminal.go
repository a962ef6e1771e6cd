//go:build linux

package main

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var terminalCases = []Case{
	script.Short("terminal/session", 0, terminalSession),
	script.Short("terminal/size-at-the-start-and-later", 0, terminalSize),
	script.Long("terminal/detached", 0, terminalDetached),
}

// terminal is -t with a size.
func terminal(s *spec) {
	s.Tty, s.OpenStdin, s.ConsoleSize = true, true, [2]uint{31, 97}
}

func terminalSession(t *T) {
	b := t.create(with("serve-lines"), terminal)
	c, err := t.engine.ContainerAttach(t.Ctx, b.id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	t.Must(err, "attach")
	defer c.Close()
	b.start()
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		buf := make([]byte, 4096)
		for {
			n, err := c.Reader.Read(buf)
			if n > 0 {
				heard <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	all := ""
	hears := func(want string) {
		for !strings.Contains(all, want) {
			select {
			case s, open := <-heard:
				t.Want(open, "the terminal is closed after %q", all)
				all += s
			case <-time.After(textBound):
				t.Fail("the terminal shows %q, want %q", all, want)
			}
		}
	}
	hears("ready")
	for _, word := range []string{"one", "two"} {
		_, err := io.WriteString(c.Conn, word+"\r\n")
		t.Must(err, "type")
		hears("got: " + word)
	}
	b.kill("KILL")
	b.ended()
}

// sized waits until the machine has been told the size for a process of the container.
func (t *T) sized(b *Box, width, height uint16) {
	ok := t.Until(textBound, func() bool {
		return slices.ContainsFunc(t.holdings().Consoles[b.id], func(c []uint16) bool { return c[0] == height && c[1] == width })
	})
	t.Want(ok, "the machine was not told the size %dx%d: %v", width, height, t.holdings().Consoles[b.id])
}

func terminalSize(t *T) {
	b := t.run(with("serve-lines"), terminal)
	t.sized(b, 97, 31)
	_, err := t.engine.ContainerResize(t.Ctx, b.id, client.ContainerResizeOptions{Height: 45, Width: 123})
	t.Must(err, "resize")
	t.sized(b, 123, 45)
}

func terminalDetached(t *T) {
	b := t.run(with("print", "up", "--", "sleep", "300s"), terminal)
	ok := t.Until(textBound, func() bool { return strings.Contains(b.rawLogs(), "up") })
	t.Want(ok, "it says %q", b.rawLogs())
	b.stop(0)
	b.ended()
}

// rawLogs is the log of a container with a terminal, which is one stream.
func (b *Box) rawLogs() string {
	r, err := b.t.engine.ContainerLogs(b.t.Ctx, b.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	b.t.Must(err, "logs")
	defer r.Close()
	text, err := io.ReadAll(r)
	b.t.Must(err, "logs")
	return string(text)
}
