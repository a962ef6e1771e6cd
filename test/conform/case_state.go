package main

import (
	"time"

	apitask "github.com/containerd/containerd/api/types/task"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

var stateCases = []Case{
	{Name: "state/created-running-stopped", Run: stateWalk},
	{Name: "state/exec-created-running-stopped", Run: execStateWalk},
	{Name: "state/unknown-exec-is-not-found", Run: stateUnknownExec},
	{Name: "state/stdio-paths-as-given", Run: statePaths},
	{Name: "state/terminal-as-given", Run: stateTerminal},
	{Name: "state/exit-time-is-one-instant", Run: exitTime},
	{Name: "state/loads-in-another-client", Run: stateLoad},
}

func stateWalk(t *T) {
	b := t.container(gate("5")).create(streams{stdin: true})
	s := t.get(b.id, "")
	t.Want(s.Status == apitask.Status_CREATED, "after create: %v", s.Status)
	t.Want(s.ExitedAt.AsTime().Year() <= 1970, "after create an exit time %v", s.ExitedAt.AsTime())
	b.start()
	b.says("up")
	s = t.get(b.id, "")
	t.Want(s.Status == apitask.Status_RUNNING, "after start: %v", s.Status)
	t.Want(s.ID == b.id && s.Pid == b.task.Pid(), "state tells id %q pid %d, want %q and %d", s.ID, s.Pid, b.id, b.task.Pid())
	t.Want(s.ExitedAt.AsTime().Year() <= 1970, "while running an exit time %v", s.ExitedAt.AsTime())
	b.release()
	b.expect(5, "up", "")
	s = t.get(b.id, "")
	t.Want(s.Status == apitask.Status_STOPPED && s.ExitStatus == 5, "after the exit: %v, code %d", s.Status, s.ExitStatus)
	t.Want(s.Pid == b.task.Pid(), "after the exit pid %d, started as %d", s.Pid, b.task.Pid())
}

func execStateWalk(t *T) {
	b := t.host()
	p := b.exec(streams{stdin: true}, gate("5"))
	t.Want(t.status(b.id, p.id) == containerd.Created, "after exec: %v", t.status(b.id, p.id))
	p.start()
	p.says("up")
	s := t.get(b.id, p.id)
	t.Want(s.Status == apitask.Status_RUNNING && s.Pid != 0 && s.Pid != b.task.Pid(),
		"after start: %v, pid %d, the task's is %d", s.Status, s.Pid, b.task.Pid())
	p.release()
	p.expect(5, "up", "")
	s = t.get(b.id, p.id)
	t.Want(s.Status == apitask.Status_STOPPED && s.ExitStatus == 5, "after the exit: %v, code %d", s.Status, s.ExitStatus)
}

func stateUnknownExec(t *T) {
	b := t.host()
	_, err := t.tryGet(b.id, "nobody")
	t.Refused(err, errdefs.IsNotFound, "not found", "state of an exec that never was")
	b.run("print", "still").expect(0, "still", "")
}

// statePaths: whoever attaches later finds the pipes by these strings, so not a letter may change.
func statePaths(t *T) {
	given := [3]string{`\\.\pipe\Conform.` + t.ID() + `.In`, `\\.\PIPE\Conform.` + t.ID() + ` OUT`, `\\.\pipe\conform\` + t.ID() + `\err`}
	b := t.runWith(streams{stdin: true, names: given}, app("print", "up", "--", "err", "bad", "--", "exit", "0"))
	b.expect(0, "up", "bad")
	s := t.get(b.id, "")
	t.Want([3]string{s.Stdin, s.Stdout, s.Stderr} == given, "state tells %q %q %q, given %q", s.Stdin, s.Stdout, s.Stderr, given)
	h := t.host()
	given = [3]string{`\\.\pipe\Conform.` + t.ID() + `.In`, `\\.\PIPE\Conform.` + t.ID() + ` OUT`, `\\.\pipe\conform\` + t.ID() + `\err`}
	p := h.exec(streams{stdin: true, names: given}, app("print", "up"))
	p.start()
	p.expect(0, "up", "")
	s = t.get(h.id, p.id)
	t.Want([3]string{s.Stdin, s.Stdout, s.Stderr} == given, "state of the exec tells %q %q %q, given %q", s.Stdin, s.Stdout, s.Stderr, given)
}

func stateTerminal(t *T) {
	b := t.runWith(streams{stdin: true, terminal: true}, app("print", "up", "--", "sleep", "60s"), terminal)
	b.says("up")
	s := t.get(b.id, "")
	t.Want(s.Terminal && s.Stderr == "" && s.Stdout == b.io.cfg.Stdout, "state tells terminal %v, stdout %q, stderr %q", s.Terminal, s.Stdout, s.Stderr)
	p := b.run("print", "x")
	p.expect(0, "x", "")
	t.Want(!t.get(b.id, p.id).Terminal, "an exec without a terminal is told to have one")
}

// exitTime: Wait, State, Delete and the event tell the same instant.
func exitTime(t *T) {
	ev := t.events()
	b := t.run("print", "x", "--", "exit", "3")
	began := time.Now()
	o := b.expect(3, "x", "")
	t.Want(o.at.After(began.Add(-time.Minute)) && o.at.Before(time.Now().Add(time.Minute)), "exit at %v, now is %v", o.at, time.Now())
	st := t.get(b.id, "").ExitedAt.AsTime()
	t.Want(st.Equal(o.at), "wait tells %v, state %v", o.at, st)
	d := b.remove()
	t.Want(d.ExitTime().Equal(o.at), "wait tells %v, delete %v", o.at, d.ExitTime())
	e := ev.exit(b.id, b.id)
	t.Want(e.ExitedAt.AsTime().Equal(o.at), "wait tells %v, the event %v", o.at, e.ExitedAt.AsTime())
	t.Want(e.ExitStatus == 3 && e.Pid == b.task.Pid(), "the event tells code %d pid %d, want 3 and %d", e.ExitStatus, e.Pid, b.task.Pid())
}

func stateLoad(t *T) {
	b := t.host()
	p := b.gatedExec("4")
	other, err := containerd.New(t.o.address, containerd.WithDefaultNamespace(t.o.namespace))
	t.Must(err, "second client")
	defer other.Close()
	c, err := other.LoadContainer(t.Ctx, b.id)
	t.Must(err, "load container")
	task, err := c.Task(t.Ctx, nil)
	t.Must(err, "load task")
	t.Want(task.Pid() == b.task.Pid(), "loaded pid %d, started as %d", task.Pid(), b.task.Pid())
	lp, err := task.LoadProcess(t.Ctx, p.id, nil)
	t.Must(err, "load exec")
	w, err := lp.Wait(t.Ctx)
	t.Must(err, "wait for the loaded exec")
	p.release()
	o := p.finish()
	s := <-w
	t.Want(s.Error() == nil && s.ExitCode() == 4 && s.ExitTime().Equal(o.at), "the second client is told %d at %v (%v), the first %d at %v",
		s.ExitCode(), s.ExitTime(), s.Error(), o.code, o.at)
}
