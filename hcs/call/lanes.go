package call

import (
	"context"
	"sync"
)

// Lanes serialises calls by key: a call waits for the one before it on the same key, also when that one's caller has left. It
// holds no lock while a call runs.
type Lanes struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the newest call on the key has ended
}

// Do runs f on a goroutine of its own once the key is free, bounded by ctx as Bounded is. If ctx ends while an earlier call has
// the key, f does not run.
func (l *Lanes) Do(ctx context.Context, op, key string, f func() error) error {
	if ctx.Err() != nil {
		return Timeout(ctx, op, key, "not called")
	}
	done := make(chan struct{})
	l.mu.Lock()
	if l.last == nil {
		l.last = map[string]chan struct{}{}
	}
	before := l.last[key]
	l.last[key] = done
	l.mu.Unlock()

	leave := func() {
		l.mu.Lock()
		if l.last[key] == done {
			delete(l.last, key)
		}
		l.mu.Unlock()
		close(done)
	}
	if before != nil {
		select {
		case <-before:
		case <-ctx.Done():
			// Whoever is behind us waits for the one before us.
			go func() { <-before; leave() }()
			return Timeout(ctx, op, key, "not called: an earlier call is still under way")
		}
	}
	if ctx.Err() != nil {
		leave()
		return Timeout(ctx, op, key, "not called")
	}
	_, err := run(ctx, op, key, func() (struct{}, error) { defer leave(); return struct{}{}, f() }, nil)
	return err
}
