package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

const (
	// codeRest is how long after the end of its compute system a process's own exit may arrive.
	codeRest = time.Second
	// rejoinBound is for finding a process again after the service was lost.
	rejoinBound = 8 * time.Second
	rejoinPause = 250 * time.Millisecond
	// exitUnknown is the code of a process that nobody knows the end of; containerd's own for a dead shim.
	exitUnknown = 255
	// exitKilled is the code of a process that KILL has ended, as on Linux: what HCS gives those that it terminates is said nowhere.
	exitKilled = 137
)

// What is said when the code of a process cannot be had.
var (
	errLost       = errors.New("the process did not end when it and its container were terminated")
	errNoExit     = errors.New("the handle was closed before the process ended")
	errSystemGone = errors.New("the container ended without the exit of the process")
	errNotThere   = errors.New("the process was not there when the service came back")
)

// wait blocks until the process has ended.
func (r *Runner) wait(l *live) Exit {
	defer close(l.gone)
	p := l.process.Load()
	e := r.exitOf(l, p)
	for errors.Is(e.Err, hcs.ErrServiceDisconnect) {
		again, err := r.rejoin(l, p)
		if err != nil {
			e.Err = fmt.Errorf("%w: %w", e.Err, err)
			break
		}
		p = again
		e = r.exitOf(l, p)
	}
	if e.Err != nil {
		r.Log.Warn("exit status is not known", "process", l.key.String(), "error", e.Err)
		e.Code = exitUnknown
	}
	underWay := l.terminating.Load() > 0 && !errors.Is(e.Err, hcs.ErrServiceDisconnect) // one that the service has lost may not come
	if underWay || l.killed.Load() {
		e.Code, e.Err = exitKilled, nil
	}
	if name := hcs.StatusName(e.Code); name != "" {
		r.Log.Info("a process ended with a status", "process", l.key.String(), "code", fmt.Sprintf("%#x", e.Code), "status", name)
	}
	if e.ExitedAt.IsZero() {
		e.ExitedAt = time.Now()
	}
	exit := Exit{Code: e.Code, At: e.ExitedAt}
	l.failed.Store(e.Err == nil && exit.Code != 0 && !l.told.Load())
	if l.parent == nil {
		r.ended(l, p.Pid(), exit)
	}
	return exit
}

// exitOf waits for the exit of one handle.
func (r *Runner) exitOf(l *live, p *processHandle) hcs.ProcessExit {
	value := func(e hcs.ProcessExit, known bool) hcs.ProcessExit {
		if !known { // a channel that ends without a value says nothing
			e.Err = errNoExit
		}
		return e
	}
	c := l.container()
	for {
		sys := c.system.Load()
		select {
		case e, known := <-p.Exited():
			return value(e, known)
		case <-l.lost:
			return hcs.ProcessExit{Err: errLost}
		case <-sys.exited:
		}
		select {
		case e, known := <-p.Exited(): // arrives at about the same time
			return value(e, known)
		case <-time.After(codeRest):
			if !c.unknown.Load() && c.system.Load() == sys { // not lost with the service and found again
				return hcs.ProcessExit{Err: errSystemGone}
			}
		}
	}
}

// rejoin looks for a process by its id after the service was lost with all handles on it. The streams are the process's own and stay.
func (r *Runner) rejoin(l *live, old *processHandle) (*processHandle, error) {
	l.unknown.Store(true)
	defer l.unknown.Store(false)
	r.Log.Warn("the service was lost; looking for the process again", "process", l.key.String())
	ctx, cancel := context.WithTimeout(context.Background(), rejoinBound)
	defer cancel()
	for {
		p, err := r.reopen(ctx, l.key.Task, old.Pid())
		if err == nil {
			_ = old.closeAll() // its handle died with the service
			l.process.Store(p)
			if l.parent == nil {
				sys := l.system.Swap(watch(p.system))
				_ = sys.Close()
				p.system = nil // it is the container's now
			}
			return p, nil
		}
		if errdefs.IsNotFound(err) {
			return nil, errNotThere
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(rejoinPause):
		}
	}
}

func (r *Runner) reopen(ctx context.Context, id string, pid uint32) (*processHandle, error) {
	sys, err := r.Machine.Compute.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	props, err := sys.Properties(ctx)
	if err == nil && props.State == schema.StateStopped {
		err = fmt.Errorf("%s has stopped: %w", id, errdefs.ErrNotFound)
	}
	if err != nil {
		_ = sys.Close()
		return nil, err
	}
	p, err := sys.OpenProcess(ctx, pid)
	if err != nil {
		_ = sys.Close()
		return nil, err
	}
	return &processHandle{Process: p, system: sys}, nil
}
