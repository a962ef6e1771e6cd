package task

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/annotation"
	"containerd-shim-hcs/task/limits"
)

// update brings a container to new limits. On error they are what they were, unless the error says otherwise. Updates of a container
// follow each other; everything else may run beside one.
func (r *Runner) update(l *live, e DoUpdate) (limits.Plan, error) {
	old := l.plan.Limits
	change, err := readChange(e.Resources, e.Annotations, l.plan.annotations)
	if err != nil {
		return old, fmt.Errorf("update %s: %w", l.key, err)
	}
	asked := l.plan.asked.With(change)
	plan, err := asked.Plan()
	if err != nil {
		return old, fmt.Errorf("update %s: %w", l.key, err)
	}
	steps, err := limits.Steps(old, plan, l.doubt)
	if err != nil {
		return old, fmt.Errorf("update %s: %w", l.key, err)
	}
	// What happened under the old limit is not the new one's.
	if l.process.Load() != nil && plan.MemoryMB != old.MemoryMB {
		if _, err := r.look(context.Background(), l); err != nil && !inTransit(err) {
			return old, fmt.Errorf("update %s: %w", l.key, err)
		}
	}
	for i := range steps {
		if err := r.modify(l, &steps[i].Do); err != nil {
			return old, fmt.Errorf("update %s: %s: %w", l.key, steps[i].Name, r.takeBack(l, steps[:i+1], err))
		}
	}
	l.plan.asked, l.plan.Limits, l.doubt = asked, plan, false
	if plan.MemoryMB != old.MemoryMB {
		l.usage.limit(plan.MemoryMB)
		r.watchMemory(l)
	}
	return plan, nil
}

// readChange is what an update asks for. Annotations that concern something else than limits cannot change; the container's own
// may be repeated.
func readChange(r *specs.WindowsResources, annotations, own map[string]string) (limits.Change, error) {
	values, err := annotation.Parse(annotations)
	if err != nil {
		return limits.Change{}, err
	}
	for _, e := range annotation.Table {
		if v, given := annotations[e.Key]; given && v != own[e.Key] && !limits.Annotation(e.Key) {
			return limits.Change{}, fmt.Errorf("annotation %s: it counts when the container is created only: %w", e.Key, errdefs.ErrInvalidArgument)
		}
	}
	return limits.Change{Resources: r, Annotations: values}, nil
}

// modify makes one request. One whose answer is lost is repeated: to set a value twice does no harm, and the second answer tells.
func (r *Runner) modify(l *live, req *schema.ModifySettingRequest) error {
	once := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), callBound)
		defer cancel()
		return l.system.Load().Modify(ctx, req)
	}
	err := once()
	if unanswered(err) {
		err = once()
	}
	return err
}

// unanswered reports that a request may have been done nevertheless.
func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errdefs.IsUnavailable(err)
}

// takeBack undoes steps after the last of them failed with err: that one too, because it may have been done nevertheless. What cannot
// be taken back is in the error, and leaves the limits in doubt: the next update sets all of them.
func (r *Runner) takeBack(l *live, steps []limits.Step, err error) error {
	errs := []error{err}
	if errdefs.IsNotFound(err) { // of a compute system that has stopped
		errs[0] = fmt.Errorf("the container has ended: %s: %w", err.Error(), errdefs.ErrFailedPrecondition) // not also "not found"
	}
	for i, s := range slices.Backward(steps) {
		var left error
		switch {
		case s.Back != nil:
			left = r.modify(l, s.Back)
		case i == len(steps)-1 && unanswered(err):
			left = errors.New("there was no limit before")
		}
		l.doubt = l.doubt || left != nil
		if left != nil && !errdefs.IsNotFound(left) { // of one that has ended there is nothing to say
			errs = append(errs, fmt.Errorf("%s may be the new or the old one: take it back: %w", s.Name, left))
		}
	}
	if len(errs) == 1 {
		return fmt.Errorf("%w; the limits are as they were", errs[0])
	}
	return errors.Join(errs...)
}
