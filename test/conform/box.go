package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Box is a container and its task.
type Box struct {
	Proc
	c    containerd.Container
	task containerd.Task
}

// edit changes the spec of a container.
type edit func(*specs.Spec)

func (e edit) opt() oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *specs.Spec) error {
		e(s)
		return nil
	}
}

// app is the command line of the image's program.
func app(args ...string) []string { return append([]string{`C:\app\winapp.exe`}, args...) }

// container makes a container that will run args, with a snapshot of the image and the spec that ctr makes.
func (t *T) container(args []string, edits ...edit) *Box {
	return t.containerWithID(t.ID(), args, edits...)
}

func (t *T) containerWithID(id string, args []string, edits ...edit) *Box {
	spec := []oci.SpecOpts{
		oci.WithDefaultSpec(), oci.WithWindowNetworksAllowUnqualifiedDNSQuery(), oci.WithWindowsIgnoreFlushesDuringBoot(),
		oci.WithImageConfig(t.image), oci.WithProcessArgs(args...),
	}
	for _, e := range edits {
		spec = append(spec, e.opt())
	}
	var s specs.Spec
	c, err := t.client.NewContainer(t.Ctx, id,
		containerd.WithImage(t.image), containerd.WithSnapshotter(t.o.snapshotter), containerd.WithNewSnapshot(id, t.image),
		containerd.WithRuntime(t.o.runtime, nil), containerd.WithSpec(&s, spec...))
	t.Must(err, "new container %s", id)
	b := &Box{Proc: Proc{t: t, id: id}, c: c}
	t.Later(func(ctx context.Context) error { return t.scrap(ctx, b) })
	return b
}

// create makes the task; it is not started.
func (b *Box) create(s streams) *Box {
	b.t.Must(b.tryCreate(s), "create task %s", b.id)
	return b
}

func (b *Box) tryCreate(s streams) error {
	task, err := b.c.NewTask(b.t.Ctx, s.creator(&b.io))
	if err != nil {
		return err
	}
	b.task, b.p = task, task
	return nil
}

// run makes a container and its task, and starts it.
func (t *T) run(args ...string) *Box { return t.runWith(streams{}, app(args...)) }

func (t *T) runWith(s streams, args []string, edits ...edit) *Box {
	b := t.container(args, edits...).create(s)
	b.start()
	return b
}

// exec adds a process to the task; it is not started.
func (b *Box) exec(s streams, args []string, edits ...func(*specs.Process)) *Proc {
	p, err := b.tryExec(b.t.ID(), s, args, edits...)
	b.t.Must(err, "exec in %s", b.id)
	return p
}

func (b *Box) tryExec(id string, s streams, args []string, edits ...func(*specs.Process)) (*Proc, error) {
	spec, err := b.c.Spec(b.t.Ctx)
	b.t.Must(err, "spec of %s", b.id)
	ps := *spec.Process
	ps.Args, ps.CommandLine, ps.Terminal = args, "", s.terminal
	for _, e := range edits {
		e(&ps)
	}
	p := &Proc{t: b.t, id: id}
	if p.p, err = b.task.Exec(b.t.Ctx, id, &ps, s.creator(&p.io)); err != nil {
		return nil, err
	}
	if p.io != nil {
		b.t.Later(func(context.Context) error { return p.io.Close() })
	}
	return p, nil
}

// run starts an exec of the image's program.
func (b *Box) run(args ...string) *Proc {
	p := b.exec(streams{}, app(args...))
	p.start()
	return p
}

// host starts a task to exec in.
func (t *T) host() *Box {
	b := t.run("print", "up", "--", "sleep", "300s")
	b.says("up")
	return b
}

// A gated process says "up" and runs until it is released; then it ends with the code it was given. So nothing that has to happen
// while it runs depends on how fast the machine is.
func gate(code string) []string { return app("print", "up", "--", "cat", "--", "exit", code) }

func (t *T) gated(code string) *Box {
	b := t.runWith(streams{stdin: true}, gate(code))
	b.says("up")
	return b
}

func (b *Box) gatedExec(code string) *Proc {
	p := b.exec(streams{stdin: true}, gate(code))
	p.start()
	p.says("up")
	return p
}

func (p *Proc) release() { p.t.Must(p.io.in.close(p.t.Ctx), "release %s", p.id) }

// remove deletes task and container as a client does; it must work.
func (b *Box) remove() containerd.ExitStatus {
	s, err := b.task.Delete(b.t.Ctx)
	b.t.Must(err, "delete task %s", b.id)
	b.t.Must(b.c.Delete(b.t.Ctx, containerd.WithSnapshotCleanup), "delete container %s", b.id)
	return *s
}

// scrap removes what a case left of a container, whatever state it is in. What does not let itself be removed is an error.
func (t *T) scrap(ctx context.Context, b *Box) error {
	svc := t.client.TaskService()
	var errs []error
	if b.io != nil {
		defer b.io.Close()
	}
	if _, err := svc.Get(ctx, &tasks.GetRequest{ContainerID: b.id}); !errdefs.IsNotFound(errgrpc.ToNative(err)) {
		kctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		svc.Kill(kctx, &tasks.KillRequest{ContainerID: b.id, Signal: 9, All: true}) // of an exited task it is NotFound
		svc.Wait(kctx, &tasks.WaitRequest{ContainerID: b.id})
		cancel()
		if _, err := svc.Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: b.id}); err != nil && !errdefs.IsNotFound(errgrpc.ToNative(err)) {
			errs = append(errs, fmt.Errorf("delete task %s: %w", b.id, err))
		}
	}
	// Loaded, because the client that made it may be of a containerd that is gone.
	c, err := t.client.LoadContainer(ctx, b.id)
	if err == nil {
		err = c.Delete(ctx, containerd.WithSnapshotCleanup)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		errs = append(errs, fmt.Errorf("delete container %s: %w", b.id, err))
	}
	return errors.Join(errs...)
}
