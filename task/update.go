package task

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/annotation"
	"containerd-shim-hcs/task/limits"
)

// update changes what of a container can be changed. Updates of a container follow each other; everything else may run beside one.
func (r *Runner) update(l *live, e DoUpdate) (limits.Plan, error) {
	now := l.plan.Limits
	values, err := annotation.Parse(e.Annotations)
	switch {
	case err != nil:
	case values.Endpoints != nil:
		err = r.connect(l, e, *values.Endpoints)
	default:
		now, err = r.limit(l, e, values)
	}
	if err != nil {
		return now, fmt.Errorf("update %s: %w", l.key, err)
	}
	return now, nil
}

// limit brings a container to new limits. On error they are what they were, unless the error says otherwise.
func (r *Runner) limit(l *live, e DoUpdate, values annotation.Values) (limits.Plan, error) {
	old := l.plan.Limits
	if err := limitsOnly(e.Annotations, l.plan.annotations); err != nil {
		return old, err
	}
	asked := l.plan.asked.With(limits.Change{Resources: e.Resources, Annotations: values})
	plan, err := asked.Plan()
	if err != nil {
		return old, err
	}
	steps, err := limits.Steps(asked.Host, old, plan, l.doubt)
	if err != nil {
		return old, err
	}
	// What happened under the old limit is not the new one's.
	if l.process.Load() != nil && plan.MemoryMB != old.MemoryMB {
		if _, err := r.look(context.Background(), l); err != nil && !inTransit(err) {
			return old, err
		}
	}
	for i := range steps {
		if err := r.modify(l, &steps[i].Do); err != nil {
			return old, fmt.Errorf("%s: %w", steps[i].Name, r.takeBack(l, steps[:i+1], err))
		}
	}
	l.plan.asked, l.plan.Limits, l.doubt = asked, plan, false
	if plan.MemoryMB != old.MemoryMB {
		l.usage.limit(plan.MemoryMB)
		r.watchMemory(l)
	}
	return plan, nil
}

// limitsOnly fails for annotations that concern something else than limits: they cannot change. The container's own may be repeated.
func limitsOnly(annotations, own map[string]string) error {
	for _, e := range annotation.Table {
		if v, given := annotations[e.Key]; given && v != own[e.Key] && !limits.Annotation(e.Key) {
			return fmt.Errorf("annotation %s: it counts when the container is created only: %w", e.Key, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// modify makes one request. One whose answer is lost is repeated: to set a value twice does no harm, and the second answer tells.
func (r *Runner) modify(l *live, req *limits.Request) error {
	once := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), callBound)
		defer cancel()
		if req.Modify == nil {
			return l.system.Load().SetAffinity(ctx, req.Affinity)
		}
		return l.system.Load().Modify(ctx, req.Modify)
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
