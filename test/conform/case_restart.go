package main

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	apitask "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/rig/winapp/burst"
)

// What becomes of tasks while containerd is away. In each case it is killed and started again.
var restartCases = []Case{
	{Name: "restart/running-task-goes-on", Run: restartRunning},
	{Name: "restart/exits-meanwhile-are-told-in-order", Run: restartExits},
	{Name: "restart/exits-meanwhile-wait-for-their-reader", Run: restartReader},
	{Name: "restart/output-waits-for-its-reader", Run: restartOutput},
	{Name: "restart/created-task-can-be-started", Run: restartCreated},
	{Name: "restart/exited-task-keeps-its-status", Run: restartExited},
	{Name: "restart/create-that-was-cut-short", Run: restartCreate},
	{Name: "restart/shim-that-died-meanwhile", Run: restartDead},
	{Name: "restart/20-tasks-twice", Run: restartMany, Limit: 4 * time.Minute},
}

// ticks is what `winapp tick n` prints.
func ticks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

func restartRunning(t *T) {
	ev := t.events()
	b := t.runWith(streams{stdin: true}, app("serve-lines"))
	b.says("ready")
	p := b.run("tick", "60", "50ms", "--", "exit", "6")
	p.says("3\n")
	pid, execPid := t.get(b.id, "").Pid, t.get(b.id, p.id).Pid
	t.leave(&b.Proc, p)
	time.Sleep(time.Second) // the exec goes on writing
	t.comeBack(ev)
	for _, x := range []struct {
		exec string
		pid  uint32
	}{{"", pid}, {p.id, execPid}} {
		s := t.get(b.id, x.exec)
		t.Want(s.Status == apitask.Status_RUNNING && s.Pid == x.pid, "state of %s %s: %v, pid %d, was RUNNING with %d", b.id, x.exec, s.Status, s.Pid, x.pid)
	}
	pids := t.pids(b.id)
	t.Want(pids[pid] && pids[execPid], "pids are %v, want %d and %d among them", pids, pid, execPid)
	b.loadAgain()
	p.loadAgain(b)
	t.Must(b.io.in.write(t.Ctx, []byte("back\n")), "write to stdin")
	b.says("got: back\n")
	p.expect(6, ticks(60), "")
	n := b.run("print", "new", "--", "exit", "2")
	n.expect(2, "new", "")
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	o := b.finish()
	t.Want(o.out == "ready\ngot: back\n", "stdout %q", clip(o.out))
	b.remove()
	got := ev.story(b.id, 10, map[string]string{p.id: "A", n.id: "B"})
	const want = "create, start, exec-added A, exec-started A, exit A, exec-added B, exec-started B, exit B, exit, delete"
	t.Want(got == want, "events: %s; want: %s", got, want)
	t.noShims()
}

// restartExits: nobody reads from these processes; they end while containerd is away, the exec first.
func restartExits(t *T) {
	ev := t.events()
	b := t.runWith(streams{none: true}, app("sleep", "3s", "--", "exit", "7"))
	p := b.exec(streams{none: true}, app("sleep", "1500ms", "--", "exit", "6"))
	p.start()
	pid, execPid := t.get(b.id, "").Pid, t.get(b.id, p.id).Pid
	t.leave()
	t.endedThere(b.id)
	t.Want(len(ev.of(b.id)) == 4, "both were to end after containerd, but there are events %s", ev.story(b.id, 4, nil))
	t.comeBack(ev)
	got := ev.story(b.id, 6, map[string]string{p.id: "E"})
	const want = "create, start, exec-added E, exec-started E, exit E, exit"
	t.Want(got == want, "events: %s; want: %s", got, want)
	e, i := ev.exit(b.id, p.id), ev.exit(b.id, b.id)
	t.Want(e.ExitStatus == 6 && e.Pid == execPid, "exit of the exec: code %d, pid %d, want 6 and %d", e.ExitStatus, e.Pid, execPid)
	t.Want(i.ExitStatus == 7 && i.Pid == pid, "exit of the task: code %d, pid %d, want 7 and %d", i.ExitStatus, i.Pid, pid)
	apart := i.ExitedAt.AsTime().Sub(e.ExitedAt.AsTime())
	t.Want(apart > 500*time.Millisecond, "the task ended %v after the exec, by what the events tell", apart)
	b.loadAgain()
	p.loadAgain(b)
	t.Want(p.exited().ExitCode() == 6 && b.exited().ExitCode() == 7, "wait tells other codes: %d and %d", p.exited().ExitCode(), b.exited().ExitCode())
	t.Want(b.exited().ExitTime().Equal(i.ExitedAt.AsTime()), "wait tells %v, the event %v", b.exited().ExitTime(), i.ExitedAt.AsTime())
	_, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete exec")
	t.Want(b.remove().ExitCode() == 7, "delete tells another code")
}

// restartReader: the same with output: what was written while nobody read arrives whole, and before the exit.
func restartReader(t *T) {
	ev := t.events()
	b := t.run("tick", "40", "50ms", "--", "err", "over", "--", "exit", "7")
	p := b.run("tick", "20", "50ms", "--", "exit", "6")
	p.says("2\n")
	t.leave(&b.Proc, p)
	t.endedThere(b.id)
	t.comeBack(ev)
	time.Sleep(time.Second)
	got := ev.story(b.id, 4, map[string]string{p.id: "E"})
	t.Want(!strings.Contains(got, "exit"), "an exit is told before the output was read: %s", got)
	b.loadAgain()
	p.loadAgain(b)
	p.expect(6, ticks(20), "")
	b.expect(7, ticks(40), "over")
	got = ev.story(b.id, 6, map[string]string{p.id: "E"})
	const want = "create, start, exec-added E, exec-started E, exit E, exit"
	t.Want(got == want, "events: %s; want: %s", got, want)
	b.remove()
}

// restartOutput: a program that writes far more than pipes hold waits, and all of it arrives in the end.
func restartOutput(t *T) {
	const n = 8 << 20
	b := t.runWith(streams{stdin: true}, app("burst", "1K", "--", "cat", "--", "burst", strconv.Itoa(n), "exit", "5"))
	b.saysBytes(1 << 10)
	t.leave(&b.Proc)
	time.Sleep(time.Second)
	t.comeBack(nil)
	b.loadAgain()
	b.release()
	b.saysBytes(n / 2)
	t.leave(&b.Proc) // in the midst of it
	time.Sleep(time.Second)
	t.comeBack(nil)
	b.loadAgain()
	o := b.finish()
	t.Want(o.code == 5, "exit code %d", o.code)
	t.Want(len(o.out) == n+1<<10, "%d bytes arrived, want %d", len(o.out), n+1<<10)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(o.out[1<<10:])))
	t.Want(sum == burst.Sum(n), "%d bytes arrived, but others than were written", len(o.out))
}

func restartCreated(t *T) {
	b := t.container(app("print", "up", "--", "exit", "4")).create(streams{})
	t.leave(&b.Proc)
	t.comeBack(nil)
	t.Want(t.get(b.id, "").Status == apitask.Status_CREATED, "after the restart it is %v", t.get(b.id, "").Status)
	b.loadAgain()
	t.Must(b.p.Start(t.Ctx), "start")
	b.expect(4, "up", "")
	b.remove()
	t.noShims()
}

func restartExited(t *T) {
	b := t.run("print", "x", "--", "exit", "3")
	o := b.expect(3, "x", "")
	t.leave(&b.Proc)
	t.comeBack(nil)
	s := t.get(b.id, "")
	t.Want(s.Status == apitask.Status_STOPPED && s.ExitStatus == 3 && s.ExitedAt.AsTime().Equal(o.at),
		"after the restart: %v, code %d at %v, was 3 at %v", s.Status, s.ExitStatus, s.ExitedAt.AsTime(), o.at)
	b.loadAgain()
	d := b.remove()
	t.Want(d.ExitCode() == 3 && d.ExitTime().Equal(o.at), "delete tells %d at %v", d.ExitCode(), d.ExitTime())
	t.noShims()
}

// restartCreate: containerd is killed while a shim creates a task. Whether the task is there afterwards or not: a client can remove
// it, nothing is left, and its id can be used.
func restartCreate(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.container(app("print", "up", "--", "exit", "4"))
	t.fault("HcsCreateComputeSystem id=" + b.id + " delay 2s times=1")
	failed := make(chan error, 1)
	go func() { failed <- b.tryCreate(streams{}) }()
	ok := t.Until(20*time.Second, func() bool {
		now, err := t.machine.State()
		t.Must(err, "ask the simulator")
		return now.Minus(before) != "" // its layers
	})
	t.Want(ok, "the shim does not create anything")
	t.leave()
	t.Want(<-failed != nil, "the create did not notice that containerd was killed")
	b.io.hangUp()
	t.comeBack(nil)
	if _, err := t.tryGet(b.id, ""); !errdefs.IsNotFound(err) {
		t.Must(err, "state")
		b.loadAgain()
		t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
		b.exited()
		_, err := t.rawDelete(b.id)
		t.Must(err, "delete task")
	}
	left := t.machine.Settle(before, 15*time.Second)
	t.Want(left == "", "left behind: %s", left)
	t.noShims()
	b.reload()
	b.create(streams{}).start()
	b.expect(4, "up", "")
	b.remove()
}

// restartDead: there is no one who could tell the exit; the task is gone, and so is what it held.
func restartDead(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.host()
	t.leave(&b.Proc)
	shims, err := node.ProgramsNamed(node.ShimExe(t.o.runtime))
	t.Must(err, "look for shims")
	t.Want(len(shims) == 1, "%d shims, want 1", len(shims))
	t.Must(shims[0].Kill(), "kill the shim")
	t.comeBack(nil)
	_, err = t.tryGet(b.id, "")
	t.Refused(err, errdefs.IsNotFound, "not found", "state of a task whose shim is dead")
	left := t.machine.Settle(before, 15*time.Second)
	t.Want(left == "", "left behind: %s", left)
	b.reload()
	b.create(streams{}).start()
	b.says("up")
}

func restartMany(t *T) {
	const n = 20
	ev := t.events()
	boxes := make([]*Box, n)
	t.Each(n, func(i int) {
		boxes[i] = t.runWith(streams{stdin: true}, app("print", "up", "--", "cat", "--", "tick", "9", "10ms", "--", "exit", strconv.Itoa(i+1)))
		boxes[i].saysWithin(time.Minute, "up")
	})
	var procs []*Proc
	for _, b := range boxes {
		procs = append(procs, &b.Proc)
	}
	for range 2 {
		t.leave(procs...)
		t.comeBack(ev)
		t.Each(n, func(i int) { boxes[i].loadAgain() })
	}
	t.Each(n, func(i int) {
		b := boxes[i]
		b.release()
		b.expect(uint32(i+1), "up\n"+ticks(9), "")
		b.remove()
	})
	for i, b := range boxes {
		got := ev.story(b.id, 4, nil)
		t.Want(got == "create, start, exit, delete", "events of one: %s", got)
		e, _ := ev.of(b.id)[2].body.(*apievents.TaskExit)
		t.Want(e != nil && e.ExitStatus == uint32(i+1), "exit event %v, want code %d", e, i+1)
	}
	t.noShims()
}
