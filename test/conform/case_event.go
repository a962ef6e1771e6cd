package main

import (
	"strconv"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	"github.com/containerd/errdefs"
)

var eventCases = []Case{
	{Name: "events/in-order-with-an-exec", Run: eventOrder},
	{Name: "events/payloads", Run: eventPayloads},
	{Name: "events/start-before-exit-of-a-short-task", Run: eventShort},
	{Name: "events/exec-exit-before-its-delete", Run: eventExecDelete},
	{Name: "events/created-task-killed-and-deleted", Run: eventCreated},
}

func eventOrder(t *T) {
	ev := t.events()
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	p := b.run("print", "in", "--", "exit", "2")
	p.expect(2, "in", "")
	_, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete exec")
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	b.remove()
	got := ev.story(b.id, 8, map[string]string{p.id: "E"})
	const want = "create, start, exec-added E, exec-started E, exit E, delete E, exit, delete"
	t.Want(got == want, "events: %s; want: %s", got, want)
}

func eventPayloads(t *T) {
	ev := t.events()
	b := t.gated("5")
	p := b.run("print", "in", "--", "exit", "6")
	p.expect(6, "in", "")
	_, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete exec")
	b.release()
	o := b.expect(5, "up", "")
	b.remove()
	ev.story(b.id, 8, map[string]string{p.id: "E"})
	seen := map[string]int{}
	for _, e := range ev.of(b.id) {
		seen[e.topic]++
		t.Want(time.Since(e.at).Abs() < time.Minute, "%s happened at %v", e.topic, e.at)
		switch v := e.body.(type) {
		case *apievents.TaskCreate:
			t.Want(v.Bundle != "" && v.IO.GetStdout() == b.io.cfg.Stdout && v.IO.GetStderr() == b.io.cfg.Stderr && !v.IO.GetTerminal(), "create: %v", v)
			t.Want(len(v.Rootfs) == 1 && v.Rootfs[0].Type == "windows-layer", "create: rootfs %v", v.Rootfs)
		case *apievents.TaskStart:
			t.Want(v.Pid == b.task.Pid(), "start: pid %d, want %d", v.Pid, b.task.Pid())
		case *apievents.TaskExecStarted:
			t.Want(v.Pid == p.p.Pid(), "exec-started: pid %d, want %d", v.Pid, p.p.Pid())
		case *apievents.TaskExit:
			code, pid := uint32(5), b.task.Pid()
			if v.ID == p.id {
				code, pid = 6, p.p.Pid()
			} else {
				t.Want(v.ID == b.id && v.ExitedAt.AsTime().Equal(o.at), "exit: %v", v)
			}
			t.Want(v.ExitStatus == code && v.Pid == pid, "exit of %s: code %d pid %d, want %d and %d", v.ID, v.ExitStatus, v.Pid, code, pid)
		case *apievents.TaskDelete:
			code := uint32(5)
			if v.ID == p.id {
				code = 6
			}
			t.Want(v.ExitStatus == code && v.Pid != 0, "delete of %q: code %d pid %d", v.ID, v.ExitStatus, v.Pid)
		}
	}
	for topic, n := range map[string]int{"create": 1, "start": 1, "exec-added": 1, "exec-started": 1, "exit": 2, "delete": 2} {
		t.Want(seen[topic] == n, "%d events %s, want %d", seen[topic], topic, n)
	}
}

// eventShort: a program that ends at once does not overtake its own start.
func eventShort(t *T) {
	ev := t.events()
	for range 5 {
		b := t.run("exit", "1")
		o := b.expect(1, "", "")
		t.Want(o.code == 1, "exit code %d", o.code)
		b.remove()
		got := ev.story(b.id, 4, nil)
		const want = "create, start, exit, delete"
		t.Want(got == want, "events: %s; want: %s", got, want)
	}
}

// eventExecDelete: a client that deletes an exec as soon as it lets itself be deleted does not get delete before exit. The reader
// is slow, so that the output is still on its way when the program has ended.
func eventExecDelete(t *T) {
	ev := t.events()
	b := t.host()
	const n = 96 << 10
	p := b.exec(streams{pause: 2 * time.Second}, app("burst", strconv.Itoa(n), "exit", "3"))
	p.start()
	var deleted bool
	t.Until(20*time.Second, func() bool {
		_, err := t.rawDeleteExec(b.id, p.id)
		deleted = err == nil
		if err != nil && !errdefs.IsFailedPrecondition(err) {
			t.Fail("delete of an exec that may still run: %v", err)
		}
		return deleted
	})
	t.Want(deleted, "the exec cannot be deleted")
	got := ev.story(b.id, 6, map[string]string{p.id: "E"})
	const want = "create, start, exec-added E, exec-started E, exit E, delete E"
	t.Want(got == want, "events: %s; want: %s", got, want)
}

// eventCreated: a task that never ran has no start; whether its end is told as an exit is left to the shim, its delete is not.
func eventCreated(t *T) {
	ev := t.events()
	b := t.container(app("print", "never")).create(streams{})
	b.watch()
	t.held(b.id)
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	b.remove()
	got := ev.story(b.id, 2, nil)
	t.Want(got == "create, exit, delete" || got == "create, delete", "events: %s; want: create, exit, delete", got)
}
