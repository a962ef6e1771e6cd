package task

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs/schema"
)

// The numbers that clients send, and the console control events that stand for them.

// windowsSignals are the numbers of the events themselves, and TERM, as in Microsoft's shim (peer-runhcs §9.3).
var windowsSignals = map[uint32]schema.Signal{
	0:  schema.CtrlC,
	1:  schema.CtrlBreak,
	2:  schema.CtrlClose,
	5:  schema.CtrlLogOff,
	6:  schema.CtrlShutdown,
	15: schema.CtrlShutdown,
}

// linuxSignals take the numbers for what they are on Linux, where clients have them from: HUP, INT, QUIT and TERM. 0 asks whether the
// process is there.
var linuxSignals = map[uint32]schema.Signal{
	0:  "",
	1:  schema.CtrlClose,
	2:  schema.CtrlC,
	3:  schema.CtrlBreak,
	15: schema.CtrlShutdown,
}

// signal is the console control event for a number; empty when the number asks only whether somebody is there. KILL is none: it terminates.
func (p Plan) signal(number uint32) (schema.Signal, error) {
	table := windowsSignals
	if p.linuxSignals {
		table = linuxSignals
	}
	sig, ok := table[number]
	if !ok {
		return "", fmt.Errorf("signal %d is not known on Windows: %w", number, errdefs.ErrInvalidArgument)
	}
	return sig, nil
}

// signal delivers a console control event. It answers when the service has taken it, or after a moment when the service does not
// say: the event is on its way then, and the call goes on beside.
func (r *Runner) signal(l *live, number uint32, all bool) error {
	plan := l.container().plan
	sig, err := plan.signal(number)
	switch {
	case err != nil || sig == "":
		return err
	case sig != schema.CtrlShutdown:
	case all && l.parent != nil:
		return nil // init's goes to it too
	case all || plan.stopAll && l.parent == nil:
		return r.tellAll(l)
	}
	l.told.Store(true)
	p := l.process.Load()
	result := make(chan error, 1)
	go func() {
		// No bound but the process's life: the call returns when it is gone.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-l.gone:
				time.Sleep(callBound)
				cancel()
			case <-ctx.Done():
			}
		}()
		err := p.Signal(ctx, sig)
		if err != nil && !errdefs.IsNotFound(err) {
			r.Log.Warn("signal", "process", l.key.String(), "signal", string(sig), "error", err)
		}
		result <- err
	}()
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("signal %s with %s: %w", l.key, sig, err)
		}
	case <-time.After(signalAnswer):
	}
	return nil
}

// tellAll gives the stop event to every process of the container, also to those that HCS did not start, which it does when it shuts the
// compute system down. What ends then is awaited as ever.
func (r *Runner) tellAll(l *live) error {
	l.told.Store(true)
	if l.shut.Load() {
		return nil // told before
	}
	ctx, cancel := context.WithTimeout(context.Background(), callBound)
	defer cancel()
	err := l.system.Load().Shutdown(ctx)
	l.shut.Store(err == nil || unanswered(err))
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("signal all of %s with %s: %w", l.key, schema.CtrlShutdown, err)
	}
	return nil
}

// kill terminates the process and its family, and when that does not end it, its container. Of all that run in the container, the others
// are ended when init has. It answers when the request is with the service, and sees to the end beside that.
func (r *Runner) kill(l *live, all bool) error {
	l.told.Store(true)
	if all {
		l.killedAll.Store(true)
	}
	p, sys := l.process.Load(), l.container().system.Load()
	if p == nil { // it is being started
		if l.parent != nil {
			return nil // terminated as soon as its start is answered
		}
		_, err := r.terminate(l)
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), killBound)
	defer cancel()
	l.terminating.Add(1)
	err := p.Terminate(ctx)
	if err == nil || unanswered(err) {
		l.killed.Store(true)
	}
	// Its family has it too. When the service is lost that may have been empty, and how the process ended is found out elsewhere.
	if r.endFamily(l) && err != nil && !errdefs.IsNotFound(err) && !errdefs.IsUnavailable(err) {
		l.killed.Store(true)
		err = nil
	}
	l.terminating.Add(-1)
	go func() {
		select {
		case <-l.gone:
			return
		case <-time.After(killBound):
		}
		r.Log.Error("a terminated process lives on; its container is terminated", "process", l.key.String())
		_, _ = r.terminate(l.container())
		select {
		case <-l.gone:
		case <-sys.exited:
		case <-time.After(killBound):
			if l.given.CompareAndSwap(false, true) {
				close(l.lost)
			}
		}
	}()
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("kill %s: %w", l.key, err)
	}
	return nil
}

// terminate ends the container; stopped means that it had ended already.
func (r *Runner) terminate(l *live) (stopped bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), killBound)
	defer cancel()
	err = l.system.Load().Terminate(ctx)
	if errdefs.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		r.Log.Warn("terminate container", "id", l.key.Task, "error", err)
		return false, fmt.Errorf("terminate %s: %w", l.key, err)
	}
	return false, nil
}

func (r *Runner) resize(l *live, s Size) error {
	ctx, cancel := context.WithTimeout(context.Background(), callBound)
	defer cancel()
	if err := l.process.Load().Resize(ctx, s.Width, s.Height); err != nil {
		return fmt.Errorf("resize %s: %w", l.key, err)
	}
	return nil
}
