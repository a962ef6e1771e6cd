package main

import (
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

var pauseCases = []Case{
	{Name: "pause/nothing-runs-until-resume", Run: pauseResume},
	{Name: "pause/exec-refused-meanwhile", Run: pauseExec},
	{Name: "pause/term-arrives-after-resume", Run: pauseTerm},
	{Name: "pause/kill-needs-no-resume", Run: pauseKill},
	{Name: "pause/events-in-order", Run: pauseEvents},
	{Name: "pause/only-of-what-runs", Run: pauseWrong},
	{Name: "pause/by-ctr", Run: pauseCtr},
}

func pauseResume(t *T) {
	b := t.run("tick", "200", "50ms")
	p := b.run("tick", "200", "50ms")
	b.says("3")
	p.says("3")
	t.Must(b.task.Pause(t.Ctx), "pause")
	t.Want(t.status(b.id, "") == containerd.Paused, "the task is %q after pause", t.status(b.id, ""))
	time.Sleep(300 * time.Millisecond) // what was on its way
	size := func() [2]int { return [2]int{len(b.io.out.bytes()), len(p.io.out.bytes())} }
	before := size()
	_, err := b.task.Metrics(t.Ctx)
	t.Must(err, "metrics of a paused task")
	time.Sleep(time.Second)
	t.Want(size() == before, "it wrote while it was paused: from %d to %d bytes", before, size())
	t.Must(b.task.Resume(t.Ctx), "resume")
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after resume", t.status(b.id, ""))
	t.Want(t.Until(streamBound, func() bool { now := size(); return now[0] > before[0] && now[1] > before[1] }), "it does not run on")
}

func pauseExec(t *T) {
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	made := b.exec(streams{}, app("print", "made"))
	t.Must(b.task.Pause(t.Ctx), "pause")
	t.Refused(made.p.Start(t.Ctx), errdefs.IsFailedPrecondition, "failed precondition", "start of an exec in a paused task")
	_, err := b.tryExec(t.ID(), streams{}, app("print", "no"))
	t.Refused(err, errdefs.IsFailedPrecondition, "failed precondition", "exec in a paused task")
	t.Must(b.task.Resume(t.Ctx), "resume")
	b.run("print", "still").expect(0, "still", "")
}

func pauseTerm(t *T) {
	b := t.run("trap", "exit", "42")
	b.says("trapping")
	t.Must(b.task.Pause(t.Ctx), "pause")
	t.Must(b.p.Kill(t.Ctx, sigterm), "TERM")
	t.Want(b.running(500*time.Millisecond), "it ended while it was paused")
	t.Must(b.task.Resume(t.Ctx), "resume")
	b.expect(42, "trapping\nCtrlShutdown", "")
}

func pauseKill(t *T) {
	b := t.host()
	p := b.run("print", "in", "--", "sleep", "300s")
	p.says("in")
	t.Must(b.task.Pause(t.Ctx), "pause")
	for _, x := range []*Proc{p, &b.Proc} {
		began := time.Now()
		t.Must(x.p.Kill(t.Ctx, sigkill), "KILL")
		x.exited()
		t.Want(time.Since(began) < 10*time.Second, "KILL took %v", time.Since(began))
	}
}

func pauseEvents(t *T) {
	ev := t.events()
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	t.Must(b.task.Pause(t.Ctx), "pause")
	t.Must(b.task.Resume(t.Ctx), "resume")
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	b.remove()
	got := ev.story(b.id, 6, nil)
	const want = "create, start, paused, resumed, exit, delete"
	t.Want(got == want, "events: %s; want: %s", got, want)
}

func pauseWrong(t *T) {
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	refused := func(err error, what string) {
		t.Refused(err, errdefs.IsFailedPrecondition, "failed precondition", "%s", what)
	}
	refused(b.task.Resume(t.Ctx), "resume of a task that runs")
	t.Must(b.task.Pause(t.Ctx), "pause")
	refused(b.task.Pause(t.Ctx), "pause of a paused task")
	_, err := b.task.Delete(t.Ctx)
	refused(err, "delete of a paused task")
	t.Must(b.task.Resume(t.Ctx), "resume")
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	refused(b.task.Pause(t.Ctx), "pause of a task that has ended")
}

func pauseCtr(t *T) {
	id := t.ID()
	t.ctrScrap(id)
	t.ctrOK(t.runArgs(append([]string{"--detach", "--null-io", t.o.image, id}, app("sleep", "300s")...)...)...)
	t.ctrOK("task", "pause", id)
	t.Want(ctrState(t, id) == "PAUSED", "task ls: %q, want PAUSED", ctrState(t, id))
	s := t.ctr(append([]string{"task", "exec", "--exec-id", t.ID(), id}, app("print", "no")...)...)
	t.Want(s.code != 0 && strings.Contains(s.err, "paused"), "task exec: exit %d, stderr %q", s.code, clip(s.err))
	t.ctrOK("task", "resume", id)
	t.Want(ctrState(t, id) == "RUNNING", "task ls: %q, want RUNNING", ctrState(t, id))
	t.ctrOK("task", "kill", "--signal", "SIGKILL", id)
	t.Want(t.Until(streamBound, func() bool { return ctrState(t, id) == "STOPPED" }), "task ls: %q, want STOPPED", ctrState(t, id))
	t.ctr("task", "rm", id) // its exit code is the task's
	t.ctrOK("containers", "rm", id)
}
