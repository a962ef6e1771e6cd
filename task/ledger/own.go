package ledger

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Locker takes the exclusive lock of a file, which ends with the process that holds it. A lock that another process holds is an error
// that says which.
type Locker func(path string) (unlock func(), err error)

const ownPause = 20 * time.Millisecond

// OwnSoon is Own for a container whose owner may be about to let go: a shim that ends, or one that clears up after a dead one.
func (l *Ledger) OwnSoon(ctx context.Context, lock Locker, bound time.Duration) (disown func(), err error) {
	for start := time.Now(); ; {
		disown, err = l.Own(lock)
		if err == nil || time.Since(start) >= bound {
			return disown, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(ownPause):
		}
	}
}

// Own makes this process the owner of the container. The returned function gives the ownership up, and leaves no file behind.
func (l *Ledger) Own(lock Locker) (disown func(), err error) {
	path, err := l.lockPath()
	if err != nil {
		return nil, err
	}
	unlock, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return func() {
		unlock()
		_ = os.Remove(path) // whoever waits for it has it open, and keeps it
	}, nil
}
