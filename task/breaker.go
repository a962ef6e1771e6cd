package task

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
)

const (
	breakAfter = 3               // failures in a row
	breakFirst = 2 * time.Second // the first pause; it doubles with each failure after it
	breakMost  = 2 * time.Minute
)

// breaker keeps requests from a service that fails them: each of them would take its whole bound, and probes come faster than that.
// After some failures in a row it answers at once, for a growing time; then one request is let through.
type breaker struct {
	mu      sync.Mutex
	failed  int
	until   time.Time
	last    error
	waiting bool // one request is under way after a pause
}

// allow says whether a request may go on, and if not why.
func (b *breaker) allow(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < breakAfter {
		return nil
	}
	if now.Before(b.until) || b.waiting {
		return fmt.Errorf("not tried: the last %d in a row failed, the next try is in %v: %w: %w", b.failed, b.until.Sub(now).Round(time.Second), b.last, errdefs.ErrUnavailable)
	}
	b.waiting = true
	return nil
}

// done takes the outcome of a request. Failures that are about the request itself, such as a program that does not exist, show that
// the service works.
func (b *breaker) done(now time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	if err == nil || !errors.Is(err, context.DeadlineExceeded) && !errdefs.IsUnavailable(err) {
		b.failed, b.last = 0, nil
		return
	}
	b.failed++
	b.last = err
	if n := b.failed - breakAfter; n >= 0 {
		b.until = now.Add(min(breakFirst<<min(n, 10), breakMost))
	}
}
