package task

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// within runs one step of a procedure under a bound of its own. An error that comes of the bound names it.
func within(ctx context.Context, bound time.Duration, step string, do func(context.Context) error) error {
	own, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	err := do(own)
	if err != nil && errors.Is(own.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%s: not done after %v: %w", step, bound, err)
	}
	return err
}

// admitted waits for one of the machine's slots; done gives it back.
func (r *Runner) admitted(ctx context.Context, l *live) (done func(), err error) {
	began := time.Now()
	err = within(ctx, admitBound, "admission", func(ctx context.Context) error {
		done, err = r.Slots.Take(ctx)
		return err
	})
	if waited := time.Since(began); waited > time.Second {
		r.Log.Info("waited for other containers to be made", "id", l.key.Task, "waited", waited.Round(time.Millisecond))
	}
	return done, err
}
