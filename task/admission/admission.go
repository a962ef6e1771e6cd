// Package admission keeps the number of containers that a machine makes at a time in bounds. Windows does not: with many pods
// starting at once, layers are "not ready" and attaches fail (user-needs N11).
//
// A slot is a lock file in a directory that all shims of the machine share, so a shim that dies gives its slot back with its other
// handles, and nothing has to be cleared up. One shim at a time looks for a free slot, the one that holds the lock file "next"; the others
// look for that. Nobody hands out turns: who waits looks again after a pause, and who has waited long pauses less, so that on the whole
// the oldest is next.
package admission

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/ledger"
)

// Default is how many containers a machine makes at a time when nothing else is said; it is what user-needs N11 asks for.
const Default = 4

// Slots are what a machine has. The zero value has no bound.
type Slots struct {
	Dir  string // exists
	N    int
	Lock ledger.Locker
}

const (
	slotPause = 5 * time.Millisecond // for a slot, of the one that is next
	longPause = 200 * time.Millisecond
	halfAfter = 5 * time.Second // the pause is half of that, and a third after twice the time
)

// Take waits for a slot until ctx ends. The returned function gives it back.
func (s Slots) Take(ctx context.Context) (release func(), err error) {
	if s.N == 0 {
		return func() {}, nil
	}
	began := time.Now()
	notNext, err := wait(ctx, func() time.Duration { return pause(time.Since(began)) }, func() (func(), error) {
		return s.Lock(filepath.Join(s.Dir, "next.lock"))
	})
	if err == nil {
		defer notNext()
		release, err = wait(ctx, func() time.Duration { return slotPause }, s.try)
	} else if release, held := s.try(); held != nil {
		err = held // who has the slots says more than who is next
	} else {
		return release, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%d containers are being made: waited %v for one of them: %w: %w", s.N, time.Since(began).Round(time.Millisecond), errdefs.ErrUnavailable, err)
	}
	return release, nil
}

// wait tries until it succeeds or ctx ends; its error is then the last try's.
func wait(ctx context.Context, pause func() time.Duration, try func() (func(), error)) (func(), error) {
	for {
		release, err := try()
		if err == nil {
			return release, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause()):
		}
	}
}

// try looks at every slot once, from any one on.
func (s Slots) try() (release func(), err error) {
	first := rand.IntN(s.N)
	var errs []error
	for i := range s.N {
		release, err := s.Lock(filepath.Join(s.Dir, fmt.Sprintf("slot-%d.lock", (first+i)%s.N)))
		if err == nil {
			return release, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func pause(waited time.Duration) time.Duration {
	p := time.Duration(float64(longPause) / (1 + waited.Seconds()/halfAfter.Seconds()))
	return p/2 + rand.N(p)
}
