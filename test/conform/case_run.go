package main

import (
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

var runCasesList = []Case{
	{Name: "run/exit-code-0", Run: func(t *T) { exitCode(t, "0", 0) }},
	{Name: "run/exit-code-7", Run: func(t *T) { exitCode(t, "7", 7) }},
	{Name: "run/exit-code-0xC000013A", Run: func(t *T) { exitCode(t, "3221225786", 0xC000013A) }}, // STATUS_CONTROL_C_EXIT
	{Name: "run/wait-before-start-sees-the-exit", Run: waitBeforeStart},
	{Name: "run/wait-twice-tells-the-same", Run: waitTwice},
	{Name: "run/pid-of-a-short-task-is-not-zero", Run: shortPid},
	{Name: "run/second-task-in-a-container", Run: secondTask},
	{Name: "run/id-is-free-at-once-after-delete", Run: idReuse},
	{Name: "run/second-client-comes-and-goes", Run: secondClient},
	{Name: "run/duplicate-container-refused", Run: duplicateContainer},
	{Name: "run/duplicate-task-refused", Run: duplicateTask},
}

func exitCode(t *T, arg string, code uint32) {
	b := t.run("print", "hello", "--", "exit", arg)
	b.expect(code, "hello", "")
	s := b.remove()
	t.Want(s.ExitCode() == code, "delete returned code %d, want %d", s.ExitCode(), code)
}

func waitBeforeStart(t *T) {
	b := t.container(app("print", "x", "--", "exit", "5")).create(streams{})
	b.watch()
	t.Want(b.running(500*time.Millisecond), "wait returned although the task was not started")
	t.Must(b.p.Start(t.Ctx), "start")
	b.expect(5, "x", "")
}

func waitTwice(t *T) {
	b := t.run("print", "x", "--", "exit", "9")
	first := b.expect(9, "x", "")
	for range 2 {
		b.watch()
		s := b.exited()
		t.Want(s.ExitCode() == first.code && s.ExitTime().Equal(first.at), "first wait told %d at %v, a later one %d at %v",
			first.code, first.at, s.ExitCode(), s.ExitTime())
	}
	t.Want(time.Since(first.at).Abs() < 5*time.Minute, "exit time %v is not near now", first.at)
}

// shortPid: the pid is known also when the process has ended before anyone asked.
func shortPid(t *T) {
	for range 3 {
		b := t.run("print", "x")
		t.Want(b.task.Pid() != 0, "pid 0 after start")
		started := b.task.Pid()
		b.expect(0, "x", "")
		t.Want(t.get(b.id, "").Pid == started, "state tells pid %d, start told %d", t.get(b.id, "").Pid, started)
	}
}

func secondTask(t *T) {
	b := t.run("print", "first", "--", "exit", "3")
	b.expect(3, "first", "")
	for range 2 {
		_, err := b.task.Delete(t.Ctx)
		t.Must(err, "delete task")
		b.create(streams{}).start()
		b.expect(3, "first", "")
	}
}

func idReuse(t *T) {
	id := t.ID()
	for range 3 {
		b := t.containerWithID(id, app("print", "x", "--", "exit", "4")).create(streams{})
		b.start()
		b.expect(4, "x", "")
		b.remove()
	}
}

func secondClient(t *T) {
	b := t.gated("6")
	other, err := containerd.New(t.o.address, containerd.WithDefaultNamespace(t.o.namespace))
	t.Must(err, "second client")
	c, err := other.LoadContainer(t.Ctx, b.id)
	t.Must(err, "load container in the second client")
	task, err := c.Task(t.Ctx, nil)
	t.Must(err, "load task in the second client")
	s, err := task.Status(t.Ctx)
	t.Must(err, "status by the second client")
	t.Want(s.Status == containerd.Running, "second client sees %q", s.Status)
	t.Must(other.Close(), "close the second client")
	t.Must(b.io.in.write(t.Ctx, []byte("still here\n")), "write to stdin")
	b.release()
	b.expect(6, "up\nstill here", "")
}

func duplicateContainer(t *T) {
	b := t.run("print", "up", "--", "sleep", "60s")
	b.says("up")
	_, err := t.client.NewContainer(t.Ctx, b.id, containerd.WithRuntime(t.o.runtime, nil))
	t.Refused(err, errdefs.IsAlreadyExists, "already exists", "second container %s", b.id)
}

func duplicateTask(t *T) {
	b := t.run("print", "up", "--", "sleep", "60s")
	b.says("up")
	var io *stdio
	_, err := b.c.NewTask(t.Ctx, streams{names: [3]string{"", `\\.\pipe\conform-` + b.id + `-2o`, `\\.\pipe\conform-` + b.id + `-2e`}}.creator(&io))
	if io != nil {
		io.Close()
	}
	t.Refused(err, errdefs.IsAlreadyExists, "already exists", "second task of %s", b.id)
	t.Want(t.status(b.id, "") == containerd.Running, "the first task is %q after the refusal", t.status(b.id, ""))
}
