package main

import (
	"context"
	"errors"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"containerd-shim-hcs/test/conform/node"
)

// A client that lives in containerd, as CRI's does, goes and comes back with it: its pipes, its waits, its subscription. These are
// the steps of that.

// leave ends containerd where it stands, and the pipes of the processes that such a client serves.
func (t *T) leave(procs ...*Proc) {
	t.Must(t.daemon.Kill(), "kill containerd")
	t.Later(t.backAgain) // if the case fails before that
	for _, p := range procs {
		if p.io != nil {
			p.io.hangUp()
		}
	}
}

// comeBack starts containerd. When it returns, everything that shims have to tell arrives at ev.
func (t *T) comeBack(ev *recorder) {
	t.Must(t.connect(t.Ctx), "start containerd again")
	if ev != nil {
		ev.subscribe()
	}
	t.Must(t.daemon.Open(), "pass events on")
}

// connect starts containerd and makes the new one's client the one that all use.
func (t *T) connect(ctx context.Context) error {
	var c *containerd.Client
	err := t.daemon.Start(ctx, func(ctx context.Context) (err error) {
		c, err = answering(ctx, t.o.address, t.o.namespace)
		return err
	})
	if err != nil {
		return err
	}
	t.client.Close()
	t.client = c
	t.image, err = c.GetImage(ctx, t.o.image)
	return err
}

func answering(ctx context.Context, address, namespace string) (*containerd.Client, error) {
	c, err := containerd.New(address, containerd.WithDefaultNamespace(namespace), containerd.WithTimeout(5*time.Second))
	if err != nil {
		return nil, err
	}
	if _, err := c.Version(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// backAgain starts containerd when it does not run.
func (t *T) backAgain(ctx context.Context) error {
	up, err := t.daemon.Runs()
	if err != nil || up {
		return err
	}
	return errors.Join(t.connect(ctx), t.daemon.Open())
}

// reload is the container as the client of the new containerd has it.
func (b *Box) reload() {
	var err error
	b.c, err = b.t.client.LoadContainer(b.t.Ctx, b.id)
	b.t.Must(err, "load container %s", b.id)
}

// loadAgain takes up the task too: it serves its pipes again and waits for its exit.
func (b *Box) loadAgain() {
	t := b.t
	b.reload()
	var err error
	b.task, err = b.c.Task(t.Ctx, nil)
	t.Must(err, "load task %s", b.id)
	b.p = b.task
	b.again()
}

// loadAgain does the same for an exec.
func (p *Proc) loadAgain(b *Box) {
	loaded, err := b.task.LoadProcess(p.t.Ctx, p.id, nil)
	p.t.Must(err, "load exec %s of %s", p.id, b.id)
	p.p = loaded
	p.again()
}

func (p *Proc) again() {
	if p.io != nil {
		p.t.Must(p.io.listen(), "serve the pipes of %s again", p.id)
	}
	p.watch()
}

// pids asks for the processes of a task.
func (t *T) pids(id string) map[uint32]bool {
	r, err := t.client.TaskService().ListPids(t.Ctx, &tasks.ListPidsRequest{ContainerID: id})
	t.Must(errgrpc.ToNative(err), "pids of %s", id)
	pids := map[uint32]bool{}
	for _, p := range r.Processes {
		pids[p.Pid] = true
	}
	return pids
}

// endedThere waits until the machine has no process of the task any more: containerd, which would tell it, is away.
func (t *T) endedThere(id string) {
	ok := t.Until(20*time.Second, func() bool {
		now, err := t.machine.State()
		t.Must(err, "ask the simulator")
		return now.Running[id] == 0
	})
	t.Want(ok, "the processes of %s do not end", id)
}

// noShims waits until every shim of the runtime has ended.
func (t *T) noShims() {
	left, err := node.GoneWithin(node.ShimExe(t.o.runtime), 15*time.Second)
	t.Must(err, "look for shims")
	t.Want(len(left) == 0, "%d shims are left", len(left))
}

// fault puts a rule in force at the simulator until the case ends.
func (t *T) fault(rule string) {
	t.Later(func(context.Context) error {
		_, err := t.machine.Ask("SimFault", "")
		return err
	})
	_, err := t.machine.Ask("SimFault", rule)
	t.Must(err, "fault rule")
}
