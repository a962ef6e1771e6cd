package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// callBound is how long a client of the torture waits for an answer.
const callBound = 15 * time.Second

// liver lives one life of the plan and writes down what it was told.
type liver struct {
	*torture
	id   string
	plan life

	mu      sync.Mutex
	did     map[string]bool // calls that were answered well, as "start" or "start EXEC"
	errs    []string        // and those that were not
	code    map[string]uint32
	exited  time.Time // of init, as a call told
	streams []*stdio
}

// call makes one call. While containerd is away it is not made. A call that is cut off may have been done or not.
func (l *liver) call(what string, f func(ctx context.Context, c *containerd.Client) error) bool {
	c := l.waitForDaemon()
	if c == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(l.t.Ctx, callBound)
	defer cancel()
	err := f(ctx, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errs = append(l.errs, fmt.Sprintf("%s: %v", what, err))
		return false
	}
	l.did[what] = true
	return true
}

// pipes serves the pipes of one process when they are wanted; they stay until the round's end.
func (l *liver) pipes(id string, wanted bool) (cio.Config, error) {
	if !wanted {
		return cio.Config{}, nil
	}
	p, err := newStdio(id, streams{})
	if err != nil {
		return cio.Config{}, err
	}
	l.mu.Lock()
	l.streams = append(l.streams, p)
	l.mu.Unlock()
	return p.cfg, nil
}

func (l *liver) run() {
	var c containerd.Container
	ok := l.call("container", func(ctx context.Context, client *containerd.Client) (err error) {
		c, err = l.newContainer(ctx, client, l.id, l.plan.program)
		return err
	})
	ok = ok && l.call("create", func(ctx context.Context, client *containerd.Client) error {
		cfg, err := l.pipes(l.id, l.plan.streams)
		if err != nil {
			return err
		}
		if c, err = client.LoadContainer(ctx, l.id); err == nil {
			_, err = c.NewTask(ctx, func(string) (cio.IO, error) { return &noIO{cfg}, nil })
		}
		return err
	})
	if !ok || !l.plan.start {
		return // the round's end removes it
	}
	ended := l.watch("")
	if !l.call("start", l.start("")) {
		return
	}
	var execs sync.WaitGroup
	for i, e := range l.plan.execs {
		execs.Go(func() { l.exec(fmt.Sprintf("x%d", i), e) })
	}
	time.Sleep(l.plan.after)
	if l.plan.leave {
		execs.Wait()
		return
	}
	if l.plan.signal != 0 {
		l.call("kill", l.kill("", l.plan.signal))
	}
	select {
	case <-ended:
	case <-time.After(callBound):
		l.call("kill", l.kill("", sigkill))
		select {
		case <-ended:
		case <-time.After(callBound):
		}
	}
	execs.Wait()
	l.call("delete", func(ctx context.Context, c *containerd.Client) error {
		r, err := c.TaskService().Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: l.id})
		if err == nil {
			l.mu.Lock()
			l.exited = r.ExitedAt.AsTime()
			l.mu.Unlock()
		}
		return errgrpc.ToNative(err)
	})
}

func (l *liver) exec(id string, e execLife) {
	ok := l.call("exec "+id, func(ctx context.Context, c *containerd.Client) error {
		spec, err := typeurl.MarshalAnyToProto(&specs.Process{Args: app(e.program.args...), Cwd: `C:\`})
		if err != nil {
			return err
		}
		cfg, err := l.pipes(l.id+"-"+id, e.streams)
		if err != nil {
			return err
		}
		_, err = c.TaskService().Exec(ctx, &tasks.ExecProcessRequest{ContainerID: l.id, ExecID: id, Spec: spec, Stdout: cfg.Stdout, Stderr: cfg.Stderr})
		return errgrpc.ToNative(err)
	})
	if !ok {
		return
	}
	if e.start {
		ended := l.watch(id)
		if !l.call("start "+id, l.start(id)) || e.leave {
			return
		}
		if e.signal != 0 {
			l.call("kill "+id, l.kill(id, e.signal))
		}
		select {
		case <-ended:
		case <-time.After(callBound):
			return
		}
	}
	l.call("delete "+id, func(ctx context.Context, c *containerd.Client) error {
		_, err := c.TaskService().DeleteProcess(ctx, &tasks.DeleteProcessRequest{ContainerID: l.id, ExecID: id})
		return errgrpc.ToNative(err)
	})
}

func (l *liver) start(exec string) func(context.Context, *containerd.Client) error {
	return func(ctx context.Context, c *containerd.Client) error {
		_, err := c.TaskService().Start(ctx, &tasks.StartRequest{ContainerID: l.id, ExecID: exec})
		return errgrpc.ToNative(err)
	}
}

func (l *liver) kill(exec string, signal syscall.Signal) func(context.Context, *containerd.Client) error {
	return func(ctx context.Context, c *containerd.Client) error {
		_, err := c.TaskService().Kill(ctx, &tasks.KillRequest{ContainerID: l.id, ExecID: exec, Signal: uint32(signal)})
		return errgrpc.ToNative(err)
	}
}

// watch closes its channel when a Wait has told the end of a process, or when there is no one left to tell it.
func (l *liver) watch(exec string) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 3 { // of three daemons at most
			c := l.waitForDaemon()
			if c == nil {
				return
			}
			r, err := c.TaskService().Wait(l.t.Ctx, &tasks.WaitRequest{ContainerID: l.id, ExecID: exec})
			if err == nil {
				l.mu.Lock()
				l.code[exec] = r.ExitStatus
				if exec == "" {
					l.exited = r.ExitedAt.AsTime()
				}
				l.mu.Unlock()
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return ended
}

// noIO tells a task of pipes that are served elsewhere.
type noIO struct{ cfg cio.Config }

func (n *noIO) Config() cio.Config { return n.cfg }
func (n *noIO) Cancel()            {}
func (n *noIO) Wait()              {}
func (n *noIO) Close() error       { return nil }
