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

// stop takes the compute system down after init has ended: asked first, so that what else runs in it may write its last bytes, and
// the file system is closed in order; forced when that makes no progress any more, or when everything was to be killed. It returns when
// the system has stopped, or when nothing can stop it.
func (r *Runner) stop(l *live) {
	sys := l.system.Load()
	ctx, cancel := context.WithTimeout(context.Background(), l.bounds.Stop)
	defer cancel()
	if sys.lost.Load() {
		if err := releaseSystem(ctx, r.Machine.Compute, l.key.Task); err != nil {
			r.Log.Error("a container that was lost with the service cannot be ended", "id", l.key.Task, "error", err)
		}
		return
	}
	if l.process.Load() != nil { // the last look: what it used, and whether it ran into its memory limit
		if _, err := r.look(ctx, l); err != nil && !inTransit(err) {
			r.Log.Warn("last look", "error", err)
		}
	}
	var err error
	switch told := l.shut.Load(); {
	case l.killedAll.Load() || told && l.killed.Load():
		r.end(l, sys)
		return
	case told:
		err = r.awaitShutdown(ctx, l, sys)
	default:
		err = r.shutdown(ctx, l, sys)
	}
	if err == nil || errdefs.IsNotFound(err) {
		return
	}
	// A container that was never started cannot be shut down (ErrInvalidState).
	if !errors.Is(err, hcs.ErrInvalidState) {
		r.Log.Warn("container does not shut down; it is terminated", "id", l.key.Task, "error", err)
	}
	r.end(l, sys)
}

// end terminates the container and waits until it has stopped.
func (r *Runner) end(l *live, sys *systemHandle) {
	if stopped, err := r.terminate(l); stopped || err != nil {
		return
	}
	select {
	case <-sys.exited:
	case <-time.After(killBound):
		r.Log.Error("a terminated container does not stop", "id", l.key.Task)
	}
}

// shutdown asks the system to stop and waits as long as it gets on with that.
func (r *Runner) shutdown(ctx context.Context, l *live, sys *systemHandle) error {
	call, cancel := context.WithTimeout(ctx, l.bounds.StopIdle)
	defer cancel()
	if err := sys.Shutdown(call); err != nil {
		return err
	}
	return r.awaitShutdown(ctx, l, sys)
}

func (r *Runner) awaitShutdown(ctx context.Context, l *live, sys *systemHandle) error {
	tick := time.NewTicker(min(progressTick, l.bounds.StopIdle))
	defer tick.Stop()
	last, since := progress{}, time.Now()
	for {
		select {
		case <-sys.exited:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("not done after %v", l.bounds.Stop)
		case <-tick.C:
		}
		if now := progressOf(ctx, sys); now != last {
			last, since = now, time.Now()
		}
		if idle := time.Since(since); idle >= l.bounds.StopIdle {
			return fmt.Errorf("no progress for %v", idle.Round(time.Second))
		}
	}
}

// progress is what changes in a container that still does something.
type progress struct {
	processes        int
	cpu, read, wrote uint64
}

// progressOf looks at a container; one that cannot be asked makes none.
func progressOf(ctx context.Context, sys hcs.System) progress {
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	props, err := sys.Properties(ctx, schema.PropertyStatistics, schema.PropertyProcessList)
	if err != nil || props.Statistics == nil {
		return progress{}
	}
	p := progress{processes: len(props.ProcessList)}
	if c := props.Statistics.Processor; c != nil {
		p.cpu = c.TotalRuntime100ns
	}
	if d := props.Statistics.Storage; d != nil {
		p.read, p.wrote = d.ReadSizeBytes, d.WriteSizeBytes
	}
	return p
}
