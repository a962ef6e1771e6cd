package main

import (
	"context"
	"errors"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs/pkg/errgrpc"
)

// A client that lives in containerd, as CRI's does, goes and comes back with it: its pipes, its waits, its subscription. These are
// the steps of that.

// leave ends containerd where it stands, and the pipes of the processes that such a client serves.
func (t *T) leave(procs ...*Proc) {
	t.must(t.daemon.kill(), "kill containerd")
	t.later(t.backAgain) // if the case fails before that
	for _, p := range procs {
		if p.io != nil {
			p.io.hangUp()
		}
	}
}

// comeBack starts containerd. When it returns, everything that shims have to tell arrives at ev.
func (t *T) comeBack(ev *recorder) {
	t.must(t.connect(t.ctx), "start containerd again")
	if ev != nil {
		ev.subscribe()
	}
	t.must(t.daemon.open(), "pass events on")
}

// connect starts containerd and makes the new one's client the one that all use.
func (t *T) connect(ctx context.Context) error {
	c, err := t.daemon.start(ctx, t.o.namespace)
	if err != nil {
		return err
	}
	t.client.Close()
	t.client = c
	t.image, err = c.GetImage(ctx, t.o.image)
	return err
}

// backAgain starts containerd when it does not run.
func (t *T) backAgain(ctx context.Context) error {
	running, err := programsNamed(daemonExe)
	if err != nil || len(running) > 0 {
		return err
	}
	return errors.Join(t.connect(ctx), t.daemon.open())
}

// reload is the container as the client of the new containerd has it.
func (b *Box) reload() {
	var err error
	b.c, err = b.t.client.LoadContainer(b.t.ctx, b.id)
	b.t.must(err, "load container %s", b.id)
}

// loadAgain takes up the task too: it serves its pipes again and waits for its exit.
func (b *Box) loadAgain() {
	t := b.t
	b.reload()
	var err error
	b.task, err = b.c.Task(t.ctx, nil)
	t.must(err, "load task %s", b.id)
	b.p = b.task
	b.again()
}

// loadAgain does the same for an exec.
func (p *Proc) loadAgain(b *Box) {
	loaded, err := b.task.LoadProcess(p.t.ctx, p.id, nil)
	p.t.must(err, "load exec %s of %s", p.id, b.id)
	p.p = loaded
	p.again()
}

func (p *Proc) again() {
	if p.io != nil {
		p.t.must(p.io.listen(), "serve the pipes of %s again", p.id)
	}
	p.watch()
}

// pids asks for the processes of a task.
func (t *T) pids(id string) map[uint32]bool {
	r, err := t.client.TaskService().ListPids(t.ctx, &tasks.ListPidsRequest{ContainerID: id})
	t.must(errgrpc.ToNative(err), "pids of %s", id)
	pids := map[uint32]bool{}
	for _, p := range r.Processes {
		pids[p.Pid] = true
	}
	return pids
}

// endedThere waits until the machine has no process of the task any more: containerd, which would tell it, is away.
func (t *T) endedThere(id string) {
	ok := t.until(20*time.Second, func() bool {
		now, err := t.machine.state()
		t.must(err, "ask the simulator")
		return now.running[id] == 0
	})
	t.want(ok, "the processes of %s do not end", id)
}

// noShims waits until every shim of the runtime has ended.
func (t *T) noShims() {
	left, err := goneWithin(shimExe(t.o.runtime), 15*time.Second)
	t.must(err, "look for shims")
	t.want(len(left) == 0, "%d shims are left", len(left))
}

// fault puts a rule in force at the simulator until the case ends.
func (t *T) fault(rule string) {
	t.later(func(context.Context) error {
		_, err := t.machine.ask("SimFault", "")
		return err
	})
	_, err := t.machine.ask("SimFault", rule)
	t.must(err, "fault rule")
}
