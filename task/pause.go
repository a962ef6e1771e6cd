package task

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
)

// Pause is whether a container's processes are frozen.
type Pause uint8

// A container is unpaused until somebody asks for something else.
const (
	Unpaused Pause = iota
	Pausing
	Paused
	Resuming
)

func (p Pause) String() string {
	return [...]string{"running", "being paused", "paused", "being resumed"}[p]
}

// pauseOrResume freezes a running container, or lets a frozen one run on.
func (m *Machine) pauseOrResume(e AskPause) {
	verb, want := "resume", Paused
	if e.Pause {
		verb, want = "pause", Unpaused
	}
	c, init, err := m.find(Key{Task: e.ID})
	switch {
	case err != nil:
	case init.state != Running:
		err = m.wrongState(init, verb, "running")
	case c.pause != want:
		err = m.halted(c, verb)
	}
	if err != nil {
		m.reply(e.Call, err)
		return
	}
	c.pause = Resuming
	if e.Pause {
		c.pause = Pausing
	}
	m.halt(c, DoPause(e))
}

func (m *Machine) halt(c *container, f DoPause) {
	c.halts++
	m.do(f)
}

// halted is the error of what a container that is paused, or not paused, cannot do.
func (m *Machine) halted(c *container, verb string) error {
	return fmt.Errorf("cannot %s task %s: it is %s: %w", verb, c.init.key.Task, c.pause, errdefs.ErrFailedPrecondition)
}

// hasPaused is the answer of a DoPause. The container's process may have ended meanwhile.
func (m *Machine) hasPaused(e HasPaused) {
	c := m.tasks[e.ID] // it is there: it cannot end before
	c.halts--
	init := c.init
	if e.Call != 0 {
		c.pause = Unpaused
		kind, err := TaskResumed, e.Err
		if e.Pause == (err == nil) {
			c.pause, kind = Paused, TaskPaused
		}
		switch {
		case init.state != Running:
			m.thaw(c)
			err = m.gone(init)
		case err == nil:
			m.do(Publish{Kind: kind, Key: init.key, Detail: init.detail, Pid: init.pid})
		}
		m.reply(e.Call, err)
	}
	m.settle(c)
}

// thaw lets what is left in a container whose process has ended run to its own end.
func (m *Machine) thaw(c *container) {
	switch c.pause {
	case Paused:
		c.pause = Unpaused
	case Resuming: // perhaps in vain
	default:
		return
	}
	m.halt(c, DoPause{ID: c.init.key.Task})
}

// freeze pauses or resumes a container at the job object of its silo: HCS pauses virtual machines only.
func (r *Runner) freeze(l *live, frozen bool) error {
	sys := l.system.Load()
	ask := func(frozen bool) error {
		ctx, cancel := context.WithTimeout(context.Background(), callBound)
		defer cancel()
		return sys.Freeze(ctx, frozen)
	}
	err := ask(frozen)
	if err == nil {
		return nil
	}
	if !frozen {
		return fmt.Errorf("resume %s: %w", l.key, err)
	}
	switch hcs.CodeOf(err) {
	case hcs.ErrNotSupported, hcs.ErrAccessDenied, hcs.ErrInvalidArgument:
		return fmt.Errorf("pause %s: this Windows does not freeze the job object of a container: %s: %w", l.key, err.Error(), errdefs.ErrNotImplemented)
	}
	if err := ask(false); err != nil { // it may have been done, and the answer lost
		r.Log.Warn("pause failed, and so did its undoing", "id", l.key.Task, "error", err)
	}
	return fmt.Errorf("pause %s: %w", l.key, err)
}

// freezeRecord refuses: there is nothing to freeze.
func (r *Runner) freezeRecord(l *live, _ bool) error {
	return fmt.Errorf("pause %s: the sandbox of this pod is a record without a compute system, nothing runs in it; pause its containers: %w",
		l.key, errdefs.ErrNotImplemented)
}
