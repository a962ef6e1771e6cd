package main

import (
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

var killCases = []Case{
	{Name: "kill/term-is-handled", Run: killTerm},
	{Name: "kill/term-of-an-exec-is-handled", Run: killTermExec},
	{Name: "kill/term-ignored-then-kill", Run: killIgnored},
	{Name: "kill/kill-wins-at-once", Run: killWins},
	{Name: "kill/kill-of-an-exec-leaves-the-task", Run: killExec},
	{Name: "kill/all-ends-execs-too", Run: killAll},
	{Name: "kill/exited-task-is-not-found", Run: killExited},
	{Name: "kill/exited-exec-is-not-found", Run: killExitedExec},
	{Name: "kill/unknown-exec-is-not-found", Run: killUnknownExec},
	{Name: "kill/created-task-stops", Run: killCreated},
	{Name: "kill/signal-without-a-meaning-is-refused", Run: killNonsense},
	{Name: "kill/children-end-with-the-task", Run: killChildren},
}

const (
	sigterm = syscall.Signal(15)
	sigkill = syscall.Signal(9)
)

func killTerm(t *T) {
	trapped(t, &t.run("trap", "exit", "42").Proc)
}

func killTermExec(t *T) {
	b := t.host()
	trapped(t, b.run("trap", "exit", "42"))
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after its exec was signalled", t.status(b.id, ""))
}

// trapped: the program hears the signal, writes its last line, and its own exit code arrives.
func trapped(t *T, p *Proc) {
	p.says("trapping")
	t.Want(p.running(300*time.Millisecond), "ended before the signal")
	t.Must(p.p.Kill(t.Ctx, sigterm), "kill TERM")
	p.expect(42, "trapping\nCtrlShutdown", "")
}

func killIgnored(t *T) {
	b := t.run("ignore")
	b.says("ignoring")
	t.Must(b.p.Kill(t.Ctx, sigterm), "kill TERM")
	b.says("ignored CtrlShutdown")
	t.Want(b.running(1500*time.Millisecond), "ended by a signal that it ignores")
	began := time.Now()
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill KILL")
	o := b.finish()
	t.Want(time.Since(began) < 10*time.Second, "KILL took %v", time.Since(began))
	t.Want(o.code != 0, "exit code 0 after KILL")
}

func killWins(t *T) {
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	began := time.Now()
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill KILL")
	o := b.finish()
	t.Want(time.Since(began) < 10*time.Second, "KILL took %v", time.Since(began))
	t.Want(o.code != 0, "exit code 0 after KILL")
	t.Want(lines(o.out) == "up", "stdout %q", clip(o.out))
}

func killExec(t *T) {
	b := t.host()
	p := b.run("print", "in", "--", "sleep", "300s")
	p.says("in")
	t.Must(p.p.Kill(t.Ctx, sigkill), "kill exec")
	p.finish()
	t.Want(b.running(300*time.Millisecond), "the task ended with its exec")
	b.run("print", "still").expect(0, "still", "")
}

func killAll(t *T) {
	b := t.host()
	p := b.run("print", "in", "--", "sleep", "300s")
	p.says("in")
	t.Must(b.p.Kill(t.Ctx, sigkill, containerd.WithKillAll), "kill all")
	b.finish()
	p.exited()
	b.remove()
}

func killExited(t *T) {
	b := t.run("print", "x", "--", "exit", "3")
	b.expect(3, "x", "")
	for _, s := range []syscall.Signal{sigterm, sigkill} {
		t.Refused(b.p.Kill(t.Ctx, s), errdefs.IsNotFound, "not found", "kill %d of an exited task", s)
	}
	t.Refused(b.p.Kill(t.Ctx, sigkill, containerd.WithKillAll), errdefs.IsNotFound, "not found", "kill all of an exited task")
}

func killExitedExec(t *T) {
	b := t.host()
	p := b.run("print", "x", "--", "exit", "3")
	p.expect(3, "x", "")
	for _, s := range []syscall.Signal{sigterm, sigkill} {
		t.Refused(p.p.Kill(t.Ctx, s), errdefs.IsNotFound, "not found", "kill %d of an exited exec", s)
	}
}

func killUnknownExec(t *T) {
	b := t.host()
	err := b.p.Kill(t.Ctx, sigkill, containerd.WithKillExecID("nobody"))
	t.Refused(err, errdefs.IsNotFound, "not found", "kill of an exec that never was")
}

// killCreated: KILL of a task that was created and not started stops it, the Wait that was issued wakes, and Delete works.
func killCreated(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.container(app("print", "never")).create(streams{})
	b.watch()
	t.Want(t.more(before.Systems) == 1, "creating the task made %d compute systems, want 1", t.more(before.Systems))
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill KILL")
	b.exited()
	t.Want(t.status(b.id, "") == containerd.Stopped, "the task is %q after KILL", t.status(b.id, ""))
	b.remove()
}

func killNonsense(t *T) {
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	err := b.p.Kill(t.Ctx, syscall.Signal(28)) // SIGWINCH: nothing in Windows is like it
	t.Want(err != nil, "signal 28 was taken")
	t.Want(!errdefs.IsNotFound(err), "signal 28: %v, but the task is there", err)
	t.Want(b.running(300*time.Millisecond), "ended by signal 28")
}

// killChildren: nothing that the program started outlives the container.
func killChildren(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.host()
	b.run("print", "parent", "--", "spawn", "sleep", "300s").expect(0, "parent", "")
	var n int
	t.Until(streamBound, func() bool { n = len(b.details()); return n == 2 })
	t.Want(n == 2, "%d processes, want the init and the child that was left", n)
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill KILL")
	b.exited()
	b.remove()
	left := t.machine.Settle(before, streamBound)
	t.Want(left == "", "%s", left)
}
