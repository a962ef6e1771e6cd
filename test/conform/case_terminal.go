package main

import (
	"fmt"
	"slices"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var terminalCases = []Case{
	{Name: "terminal/session", Run: session},
	{Name: "terminal/session-of-an-exec", Run: execSession},
	{Name: "terminal/stderr-refused", Run: terminalStderr},
	{Name: "terminal/size-of-the-spec", Run: specSize},
	{Name: "terminal/resize", Run: resize},
	{Name: "terminal/resize-before-start-is-kept", Run: resizeEarly},
	{Name: "terminal/resize-without-a-terminal-does-no-harm", Run: resizeNone},
	{Name: "terminal/resize-of-an-exited-task-does-no-harm", Run: resizeExited},
}

// terminal makes the init's process one with a terminal.
func terminal(s *specs.Spec) { s.Process.Terminal = true }

// talk has a conversation with serve-lines: each line that goes in comes back.
func talk(t *T, p *Proc) {
	p.says("ready")
	for i := range 5 {
		line := fmt.Sprintf("line-%d", i)
		t.Must(p.io.in.write(t.Ctx, []byte(line+"\r\n")), "type")
		p.says("got: " + line)
	}
}

func session(t *T) {
	b := t.runWith(streams{stdin: true, terminal: true}, app("serve-lines"), terminal)
	talk(t, &b.Proc)
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.finish()
}

func execSession(t *T) {
	b := t.host()
	p := b.exec(streams{stdin: true, terminal: true}, app("serve-lines"))
	p.start()
	talk(t, p)
	t.Must(p.p.Kill(t.Ctx, sigkill), "kill")
	p.finish()
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after it", t.status(b.id, ""))
}

// terminalStderr: a terminal has one output; a second one is a mistake of the caller.
func terminalStderr(t *T) {
	b := t.host()
	p := b.exec(streams{stdin: true, terminal: true}, app("print", "ready"))
	t.Want(p.io.cfg.Stderr == "", "stderr %q", p.io.cfg.Stderr)
	_, err := b.tryExec(t.ID(), streams{terminal: true, stderr: true}, app("print", "x"))
	t.Want(err != nil, "a terminal with a stderr was accepted")
	t.Want(errdefs.IsFailedPrecondition(err) || errdefs.IsInvalidArgument(err), "want failed precondition or invalid argument, got: %v", err)
	p.start()
	p.says("ready")
	p.exited()
}

func specSize(t *T) {
	b := t.runWith(streams{stdin: true, terminal: true}, app("print", "ready", "--", "sleep", "300s"), terminal,
		func(s *specs.Spec) { s.Process.ConsoleSize = &specs.Box{Width: 97, Height: 31} })
	b.says("ready")
	t.sized(b, 97, 31)
}

func resize(t *T) {
	b := t.runWith(streams{stdin: true, terminal: true}, app("print", "ready", "--", "sleep", "300s"), terminal)
	b.says("ready")
	t.Must(b.p.Resize(t.Ctx, 123, 45), "resize")
	t.sized(b, 123, 45)
	p := b.exec(streams{stdin: true, terminal: true}, app("print", "ready", "--", "sleep", "300s"))
	p.start()
	p.says("ready")
	t.Must(p.p.Resize(t.Ctx, 87, 65), "resize the exec")
	t.sized(b, 87, 65)
}

// resizeEarly: ctr and CRI tell the size before the start; the program then starts with it.
func resizeEarly(t *T) {
	b := t.container(app("print", "ready", "--", "sleep", "300s"), terminal).create(streams{stdin: true, terminal: true})
	t.Must(b.p.Resize(t.Ctx, 111, 22), "resize before start")
	b.start()
	b.says("ready")
	t.sized(b, 111, 22)
}

// resizeNone: the contract (containerd-protocol §2) calls no error the friendlier answer; refusing is allowed, ending is not.
func resizeNone(t *T) {
	b := t.host()
	if err := b.p.Resize(t.Ctx, 100, 30); err != nil {
		t.Refused(err, errdefs.IsFailedPrecondition, "failed precondition", "resize without a terminal")
	}
	b.run("print", "still").expect(0, "still", "")
}

func resizeExited(t *T) {
	b := t.runWith(streams{stdin: true, terminal: true}, app("print", "x", "--", "exit", "3"), terminal)
	o := b.finish()
	t.Want(o.code == 3 && strings.Contains(o.out, "x"), "code %d, output %q", o.code, clip(o.out))
	if err := b.p.Resize(t.Ctx, 100, 30); err != nil {
		t.Want(errdefs.IsFailedPrecondition(err) || errdefs.IsNotFound(err), "resize of an exited task: %v", err)
	}
}

// sized waits until the machine has been told the size for a process of the container.
func (t *T) sized(b *Box, width, height int) {
	ok := t.Until(streamBound, func() bool { return t.consoleSize(b.id, width, height) })
	t.Want(ok, "the machine was not told the size %dx%d", width, height)
}

// consoleSize reports whether a process of the container has a console of this size.
func (t *T) consoleSize(id string, width, height int) bool {
	h, err := t.machine.State()
	t.Must(err, "ask the machine")
	return slices.ContainsFunc(h.Consoles[id], func(c []uint16) bool { return c[0] == uint16(height) && c[1] == uint16(width) })
}
