//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var execCases = []Case{
	script.Short("exec/code-and-outputs", 0, execCode),
	script.Short("exec/standard-input", 0, execInput),
	script.Long("exec/input-closed-by-the-client", 0, execCloseInput),
	script.Short("exec/environment-directory-user", 0, execEnvironment),
	script.Long("exec/detached", 0, execDetached),
	script.Long("exec/no-such-program", 0, execNoProgram),
	script.Long("exec/resize", 0, execResize),
	script.Long("exec/many-leave-no-process", 2*time.Minute, execMany),
}

// idle is a container that waits.
func (t *T) idle(change ...func(*spec)) *Box {
	b := t.run(append([]func(*spec){with("print", "up", "--", "sleep", "300s")}, change...)...)
	b.says("up")
	return b
}

// gives is what an exec must come to.
func (r result) gives(t *T, out, bad string, code int) {
	t.Want(r == result{out, bad, code}, "exec: stdout %q, stderr %q, code %d; want %q, %q, %d", clip(r.out), clip(r.err), r.code, out, bad, code)
}

func execCode(t *T) {
	b := t.idle()
	for _, code := range []int{0, 3, 300} {
		b.exec("print", "out", "--", "err", "bad", "--", "exit", fmt.Sprint(code)).gives(t, "out\n", "bad\n", code)
	}
}

func execInput(t *T) {
	b := t.idle()
	text := strings.Repeat("to be or not to be\n", 4000)
	r := b.execWith(func(*client.ExecCreateOptions) {}, strings.NewReader(text), "cat")
	t.Want(r.out == text && r.code == 0, "%d bytes came back of %d, code %d, %q", len(r.out), len(text), r.code, clip(r.err))
}

// execCloseInput: a program that reads to the end of its input ends when the client closes it, also long after the start (moby's
// TestExecWithCloseStdin).
func execCloseInput(t *T) {
	b := t.idle()
	in, typed := io.Pipe()
	defer in.Close()
	go func() {
		_, _ = typed.Write([]byte("late\n")) // to an exec that failed
		time.Sleep(2 * time.Second)
		_ = typed.Close()
	}()
	b.execWith(func(*client.ExecCreateOptions) {}, in, "cat").gives(t, "late\n", "", 0)
}

func execEnvironment(t *T) {
	b := t.idle(func(s *spec) { s.Env = []string{"OLD=yes"} })
	b.execWith(func(o *client.ExecCreateOptions) {
		o.Env, o.WorkingDir, o.User = []string{"NEW=also"}, `C:\Windows`, "ContainerUser"
	}, nil, "env", "OLD", "NEW", "USERNAME", "--", "pwd").gives(t, "yes\nalso\nContainerUser\n"+`C:\Windows`+"\n", "", 0)
}

func execDetached(t *T) {
	b := t.idle()
	code := b.execEnded(b.detached("write", `C:\done.txt`, "done", "--", "exit", "9"))
	t.Want(code == 9, "it ended with %d, want 9", code)
	b.exec("type", `C:\done.txt`).gives(t, "done\n", "", 0)
}

func execNoProgram(t *T) {
	b := t.idle()
	made, err := t.engine.ExecCreate(t.Ctx, b.id, client.ExecCreateOptions{Cmd: []string{"no-such-program.exe"}, AttachStdout: true})
	t.Must(err, "create exec")
	conn, err := t.engine.ExecAttach(t.Ctx, made.ID, client.ExecAttachOptions{})
	if err == nil { // the engine has answered already, and says it on the stream
		defer conn.Close()
		text, rerr := io.ReadAll(conn.Reader)
		t.Must(rerr, "read")
		t.Want(strings.Contains(string(text), "no-such-program.exe"), "it says %q", text)
	} else {
		t.Want(strings.Contains(err.Error(), "no-such-program.exe"), "attach: %v", err)
	}
	code := b.execEnded(made.ID)
	t.Want(code == 127, "it ended with %d, want 127", code)
	b.exec("print", "still").gives(t, "still\n", "", 0)
}

// execResize: the size reaches the process, from the start and later (moby#50402).
func execResize(t *T) {
	b := t.idle()
	for range 5 {
		id := b.newExec(func(o *client.ExecCreateOptions) {
			o.TTY, o.AttachStdin, o.ConsoleSize = true, true, client.ConsoleSize{Height: 21, Width: 91}
		}, "serve-lines")
		conn, err := t.engine.ExecAttach(t.Ctx, id, client.ExecAttachOptions{TTY: true, ConsoleSize: client.ConsoleSize{Height: 21, Width: 91}})
		t.Must(err, "attach")
		t.sized(b, 91, 21)
		_, err = t.engine.ExecResize(t.Ctx, id, client.ExecResizeOptions{Height: 33, Width: 77})
		t.Must(err, "resize")
		t.sized(b, 77, 33)
		conn.Close()
	}
}

func execMany(t *T) {
	b := t.idle()
	t.Each(4, func(i int) {
		for n := range 10 {
			b.exec("exit", fmt.Sprint(i+n)).gives(t, "", "", i+n)
		}
	})
	ok := t.Until(10*time.Second, func() bool { return b.processes() == 1 })
	t.Want(ok, "after 40 execs there are %d processes, want 1", b.processes())
}
