package main

import (
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

var deleteCases = []Case{
	{Name: "delete/running-task-refused", Run: deleteRunning},
	{Name: "delete/running-exec-refused", Run: deleteRunningExec},
	{Name: "delete/twice-is-not-found", Run: deleteTwice},
	{Name: "delete/exec-twice-is-not-found", Run: deleteExecTwice},
	{Name: "delete/created-task", Run: deleteCreated},
	{Name: "delete/created-exec", Run: deleteCreatedExec},
	{Name: "delete/releases-the-machine", Run: deleteReleases},
}

func deleteRunning(t *T) {
	b := t.host()
	_, err := t.rawDelete(b.id)
	t.Refused(err, errdefs.IsFailedPrecondition, "failed precondition", "delete of a running task")
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after the refusal", t.status(b.id, ""))
	b.run("print", "still").expect(0, "still", "")
}

func deleteRunningExec(t *T) {
	b := t.host()
	p := b.gatedExec("3")
	_, err := t.rawDeleteExec(b.id, p.id)
	t.Refused(err, errdefs.IsFailedPrecondition, "failed precondition", "delete of a running exec")
	p.release()
	p.expect(3, "up", "")
}

func deleteTwice(t *T) {
	b := t.run("print", "x", "--", "exit", "7")
	b.expect(7, "x", "")
	r, err := t.rawDelete(b.id)
	t.Must(err, "delete")
	t.Want(r.ExitStatus == 7 && r.Pid == b.task.Pid(), "delete told code %d pid %d, want 7 and %d", r.ExitStatus, r.Pid, b.task.Pid())
	_, err = t.rawDelete(b.id)
	t.Refused(err, errdefs.IsNotFound, "not found", "second delete")
	_, err = t.tryGet(b.id, "")
	t.Refused(err, errdefs.IsNotFound, "not found", "state after delete")
}

func deleteExecTwice(t *T) {
	b := t.host()
	p := b.run("print", "x", "--", "exit", "7")
	p.expect(7, "x", "")
	r, err := t.rawDeleteExec(b.id, p.id)
	t.Must(err, "delete")
	t.Want(r.ExitStatus == 7 && r.Pid != 0, "delete told code %d pid %d", r.ExitStatus, r.Pid)
	_, err = t.rawDeleteExec(b.id, p.id)
	t.Refused(err, errdefs.IsNotFound, "not found", "second delete")
	_, err = t.tryGet(b.id, p.id)
	t.Refused(err, errdefs.IsNotFound, "not found", "state after delete")
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after it", t.status(b.id, ""))
}

func deleteCreated(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.container(app("print", "never")).create(streams{})
	t.Want(t.more(before.Systems) == 1, "creating the task made %d compute systems, want 1", t.more(before.Systems))
	t.Want(t.status(b.id, "") == containerd.Created, "the task is %q after create", t.status(b.id, ""))
	_, err = t.rawDelete(b.id)
	t.Must(err, "delete of a created task")
	_, err = t.tryGet(b.id, "")
	t.Refused(err, errdefs.IsNotFound, "not found", "state after delete")
	t.Must(b.io.Close(), "close")
	b.create(streams{}).start() // the id and the snapshot are free again
	b.expect(0, "never", "")
}

func deleteCreatedExec(t *T) {
	b := t.host()
	p := b.exec(streams{}, app("print", "never"))
	t.Want(t.status(b.id, p.id) == containerd.Created, "the exec is %q after exec", t.status(b.id, p.id))
	_, err := t.rawDeleteExec(b.id, p.id)
	t.Must(err, "delete of a created exec")
	_, err = t.tryGet(b.id, p.id)
	t.Refused(err, errdefs.IsNotFound, "not found", "state after delete")
	b.run("print", "still").expect(0, "still", "")
}

// deleteReleases: when Delete has returned, the machine holds nothing of the container.
func deleteReleases(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.host()
	now, err := t.machine.State()
	t.Must(err, "ask the simulator")
	t.Want(len(now.Systems) == len(before.Systems)+1, "%d more compute systems while it runs, want 1", len(now.Systems)-len(before.Systems))
	t.Want(len(now.Layers) > len(before.Layers), "no layer is active while it runs")
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	b.remove()
	left := t.machine.Settle(before, 500*time.Millisecond) // the list of processes may be a little old
	t.Want(left == "", "after delete: %s", left)
}
