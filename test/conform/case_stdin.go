package main

import (
	"bytes"
	"crypto/sha256"
	"math/rand"

	containerd "github.com/containerd/containerd/v2/client"
)

var stdinCases = []Case{
	{Name: "stdin/close-io-ends-the-input", Run: closeIO},
	{Name: "stdin/close-io-of-an-exec-ends-its-input", Run: closeExecIO},
	{Name: "stdin/end-of-pipe-ends-the-input", Run: closePipe},
	{Name: "stdin/arrives-complete", Run: stdinComplete},
	{Name: "stdin/close-io-twice", Run: closeIOTwice},
}

func closeIO(t *T) {
	b := t.runWith(streams{stdin: true}, app("cat", "--", "exit", "3"))
	t.Must(b.io.in.write(t.Ctx, []byte("one\n")), "write to stdin")
	b.says("one")
	t.Must(b.task.CloseIO(t.Ctx, containerd.WithStdinCloser), "close stdin")
	b.expect(3, "one", "")
}

func closeExecIO(t *T) {
	b := t.run("print", "up", "--", "sleep", "60s")
	b.says("up")
	p := b.exec(streams{stdin: true}, app("cat", "--", "exit", "4"))
	p.start()
	t.Must(p.io.in.write(t.Ctx, []byte("two\n")), "write to stdin")
	p.says("two")
	t.Must(p.p.CloseIO(t.Ctx, containerd.WithStdinCloser), "close stdin")
	p.expect(4, "two", "")
}

func closePipe(t *T) {
	b := t.runWith(streams{stdin: true}, app("cat", "--", "exit", "5"))
	t.Must(b.io.in.write(t.Ctx, []byte("three\n")), "write to stdin")
	t.Must(b.io.in.close(t.Ctx), "close the pipe")
	b.expect(5, "three", "")
}

// stdinComplete: a client that writes and closes at once loses nothing.
func stdinComplete(t *T) {
	data := make([]byte, 1<<20)
	rand.New(rand.NewSource(1)).Read(data)
	b := t.runWith(streams{stdin: true}, app("cat", "--", "exit", "6"))
	t.Must(b.io.in.write(t.Ctx, data), "write to stdin")
	t.Must(b.io.in.close(t.Ctx), "close the pipe")
	o := b.finish()
	t.Want(o.code == 6, "exit code %d, want 6, stderr %q", o.code, clip(o.err))
	t.Want(bytes.Equal([]byte(o.out), data), "%d of %d bytes came back, sha256 %x, want %x", len(o.out), len(data),
		sha256.Sum256([]byte(o.out)), sha256.Sum256(data))
}

// closeIOTwice: closing what is closed is no error while the process runs.
func closeIOTwice(t *T) {
	b := t.runWith(streams{stdin: true}, app("cat", "--", "print", "after", "--", "sleep", "60s"))
	t.Must(b.io.in.write(t.Ctx, []byte("x\n")), "write to stdin")
	b.says("x")
	t.Must(b.task.CloseIO(t.Ctx, containerd.WithStdinCloser), "close stdin")
	b.says("after")
	t.Must(b.task.CloseIO(t.Ctx, containerd.WithStdinCloser), "close stdin again")
}
