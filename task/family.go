package task

import (
	"context"

	"containerd-shim-hcs/hcs"
)

// What an exec has started ends with it: a probe that timed out must not go on in its children. Windows has no process groups to
// that end; a job object per exec does it, where the silo of the container lets one be nested in it.

// familyHandle is for a pointer that is swapped atomically.
type familyHandle struct{ hcs.Family }

// enclose makes what an exec starts end with it. Where that cannot be, which includes a process that has ended already, its descendants
// end with their container.
func (r *Runner) enclose(ctx context.Context, l *live, p hcs.Process) {
	if l.parent.plan.keepFamilies {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callBound)
	defer cancel()
	f, err := p.Enclose(ctx)
	if err != nil {
		r.Log.Debug("what an exec starts does not end with it", "process", l.key.String(), "error", err)
		return
	}
	l.family.Store(&familyHandle{f})
}

// endFamily ends what an exec has started, and reports whether it did.
func (r *Runner) endFamily(l *live) bool {
	f := l.family.Load()
	if f == nil {
		return false
	}
	err := f.Terminate()
	if err != nil && l.family.Load() == f { // not closed meanwhile, by the delete
		r.Log.Warn("what an exec has started lives on", "process", l.key.String(), "error", err)
	}
	return err == nil
}

// leaveFamily is for an exec that was deleted.
func (r *Runner) leaveFamily(l *live) {
	r.endFamily(l)
	if err := l.family.Swap(nil).Close(); err != nil {
		r.Log.Warn("close job object", "process", l.key.String(), "error", err)
	}
}
