package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/task/network"
	"containerd-shim-hcs/task/storage"
)

// giveBack gives back everything a container holds but its id. What could not be given back stays in the ledger, and is in the error.
// It may be called again.
func (r *Runner) giveBack(l *live) error {
	ctx, cancel := context.WithTimeout(context.Background(), releaseBound)
	defer cancel()
	l.cancel()
	l.connecting.Lock()
	defer l.connecting.Unlock()
	r.traffic.forget(l.space)
	if s := l.streams.Load(); s != nil {
		s.End()
	}
	if sys := l.system.Load(); sys != nil && sys.lost.Load() {
		_ = sys.Close() // Release finds the system by its id
	} else if sys != nil {
		if err := closeSystem(ctx, sys, sys.exited); err != nil {
			return fmt.Errorf("release %s: %w", l.key, err)
		}
		if err := l.ledger.Released(ledger.Entry{Kind: ledger.System, ID: sys.ID()}); err != nil {
			r.Log.Warn("ledger", "id", l.key.Task, "error", err)
		}
	}
	if err := Release(ctx, r.Machine, l.ledger); err != nil {
		return fmt.Errorf("release %s: %w", l.key, err)
	}
	return nil
}

// erase removes what is on record of a container that holds nothing any more, and its id is free.
func (r *Runner) erase(l *live) {
	if err := l.ledger.Remove(); err != nil {
		r.Log.Warn("ledger", "id", l.key.Task, "error", err)
	}
	l.disown()
}

// closeSystem ends a system if it still runs, waits for its end and closes the handle.
func closeSystem(ctx context.Context, sys hcs.System, exited <-chan struct{}) error {
	select {
	case <-exited:
	default:
		err := sys.Terminate(ctx)
		if errdefs.IsNotFound(err) { // it has stopped, whether we were told or not
			break
		}
		if err != nil {
			return fmt.Errorf("terminate: %w", err)
		}
		if err := stopped(ctx, sys, exited); err != nil {
			return err
		}
	}
	if err := sys.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// stopped waits for the end of a terminated system. The event may be lost, so the service is asked too.
func stopped(ctx context.Context, sys hcs.System, exited <-chan struct{}) error {
	for {
		select {
		case <-exited:
			return nil
		case <-time.After(askAgain):
		case <-ctx.Done():
			return fmt.Errorf("the terminated container does not stop: %w", ctx.Err())
		}
		if errdefs.IsNotFound(sys.Terminate(ctx)) {
			return nil
		}
	}
}

// Release gives back what a ledger holds, last first. An entry that fails does not keep the others: only the layers and the namespace wait
// for the compute system that uses them. All failures are in the error, and stay in the ledger.
func Release(ctx context.Context, m hcs.Machine, l *ledger.Ledger) error {
	var errs []error
	runs := false
	for _, e := range slices.Backward(l.Held()) {
		var err error
		switch e.Kind {
		case ledger.System:
			err = releaseSystem(ctx, m.Compute, e.ID)
			runs = err != nil
		case ledger.Active, ledger.Prepared:
			if len(errs) > 0 { // still in use
				continue
			}
			err = storage.Release(ctx, m.Layers, e)
		case ledger.Namespace:
			if runs { // it would be taken for another's
				continue
			}
			err = network.Release(ctx, m.Network, e)
		case ledger.Endpoint:
			err = network.Release(ctx, m.Network, e)
		default:
			err = fmt.Errorf("ledger: entry of unknown kind %q", e.Kind)
		}
		if err == nil {
			err = l.Released(e)
		}
		errs = append(errs, err)
		errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	}
	return errors.Join(errs...)
}

// releaseSystem ends a compute system that no handle of ours is open on.
func releaseSystem(ctx context.Context, c hcs.Compute, id string) error {
	sys, err := c.Open(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		<-sys.Exited()
		close(exited)
	}()
	if err := closeSystem(ctx, sys, exited); err != nil {
		_ = sys.Close()
		return err
	}
	return nil
}
