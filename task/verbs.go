package task

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// errClosed is what requests get when the shim is going away.
var errClosed = errors.New("the shim is closing")

// CreateRequest is a container to be made.
type CreateRequest struct {
	ID      string
	Options Options
	Detail  Detail
}

// Options are the runtime options that concern a container.
type Options struct {
	Annotations map[string]string // set on a container that does not have them
	Hypervisor  bool              // the handler is for hypervisor isolation
	Platform    string            // os/arch the handler is for, empty for any
}

// Create makes a container and its init process's streams; nothing runs yet. A request that cannot be is refused before the machine
// hears of it.
func (p *Pod) Create(ctx context.Context, req CreateRequest) error {
	plan, err := p.run.plan(ctx, req)
	if err == nil {
		err = ctx.Err() // the client has gone meanwhile, and will not know of the task
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", req.ID, err)
	}
	return p.create(ctx, plan, req.Detail)
}

func (p *Pod) create(ctx context.Context, plan Plan, d Detail) error {
	l := newLive(Key{Task: plan.ID}, d)
	l.kind, l.plan, l.params, l.bounds, l.quit = plan.kind(), plan, plan.Init, plan.Bounds, p.quit
	l.hit = func() { p.send(message{event: HasHitLimit{plan.ID}, of: l}) }
	_, err := p.ask(ctx, l, func(c Call) Event { return AskCreate{Call: c, ID: plan.ID, Detail: d, Place: plan.place()} })
	return err
}

// Exec adds a process to a running container.
func (p *Pod) Exec(ctx context.Context, k Key, spec *specs.Process, d Detail) error {
	params, err := Process("exec process", spec)
	if err != nil {
		return err
	}
	if err := d.IO.Check(); err != nil {
		return err
	}
	t, err := p.Snapshot().Find(Key{Task: k.Task})
	if err != nil {
		return err
	}
	if why := t.live.kind.noExec; why != "" {
		return fmt.Errorf("exec %s in %s: %s: %w", k.Exec, k.Task, why, errdefs.ErrNotImplemented)
	}
	l := newLive(k, d)
	l.params, l.parent = params, t.live
	_, err = p.ask(ctx, l, func(c Call) Event { return AskExec{Call: c, Key: k, Detail: d} })
	return err
}

// Start runs a process and returns its pid.
func (p *Pod) Start(ctx context.Context, k Key) (uint32, error) {
	r, err := p.ask(ctx, nil, func(c Call) Event { return AskStart{Call: c, Key: k} })
	return r.Pid, err
}

// Kill delivers a signal; number is containerd's.
func (p *Pod) Kill(ctx context.Context, k Key, number uint32, all bool) error {
	_, err := p.ask(ctx, nil, func(c Call) Event { return AskKill{Call: c, Key: k, Number: number, All: all} })
	return err
}

// Delete removes a stopped process, and with init everything its container holds.
func (p *Pod) Delete(ctx context.Context, k Key) (pid uint32, exit Exit, err error) {
	r, err := p.ask(ctx, nil, func(c Call) Event { return AskDelete{Call: c, Key: k} })
	return r.Pid, r.Exit, err
}

// Drop ends a task, in whatever state it is, and gives back what it holds. Nobody is to ask for it any more.
func (p *Pod) Drop(ctx context.Context, id string) error {
	k := Key{Task: id}
	_ = p.Kill(ctx, k, sigKill, true) // one that fails is seen through all the same
	if _, err := p.Wait(ctx, k); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	if _, _, err := p.Delete(ctx, k); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return nil
}

// Resize sets the size of a terminal; before the process runs it is remembered.
func (p *Pod) Resize(ctx context.Context, k Key, s Size) error {
	_, err := p.ask(ctx, nil, func(c Call) Event { return AskResize{Call: c, Key: k, Size: s} })
	return err
}

// CloseInput ends a process's standard input.
func (p *Pod) CloseInput(ctx context.Context, k Key) error {
	_, err := p.ask(ctx, nil, func(c Call) Event { return AskCloseInput{Call: c, Key: k} })
	return err
}

// Pause stops every process of a running container until Resume. One that is paused takes no exec, and no signal until it runs on;
// KILL ends it.
func (p *Pod) Pause(ctx context.Context, id string) error {
	_, err := p.ask(ctx, nil, func(c Call) Event { return AskPause{Call: c, ID: id, Pause: true} })
	return err
}

// Resume lets a paused container run on.
func (p *Pod) Resume(ctx context.Context, id string) error {
	_, err := p.ask(ctx, nil, func(c Call) Event { return AskPause{Call: c, ID: id} })
	return err
}

// Update changes the limits of a container that has not ended: all that is asked for, or nothing.
func (p *Pod) Update(ctx context.Context, id string, r *specs.WindowsResources, annotations map[string]string) error {
	_, err := p.ask(ctx, nil, func(c Call) Event { return AskUpdate{Call: c, ID: id, Resources: r, Annotations: annotations} })
	return err
}

// Wait blocks until the process is done or ctx ends.
func (p *Pod) Wait(ctx context.Context, k Key) (Exit, error) {
	s, err := p.Snapshot().Find(k)
	if err != nil {
		return Exit{}, err
	}
	select {
	case <-s.wait.done:
		return s.wait.exit, nil
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	case <-p.quit:
		return Exit{}, errClosed
	}
}
