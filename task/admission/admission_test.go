package admission

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
)

// locks are lock files of one machine.
type locks struct {
	mu   sync.Mutex
	held map[string]bool
}

func (l *locks) lock(path string) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[path] {
		return nil, errors.New(path + ": held by process 7")
	}
	l.held[path] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, path)
	}, nil
}

func (l *locks) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

func TestNoMoreThanTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &locks{held: map[string]bool{}}
		s := Slots{Dir: t.TempDir(), N: 3, Lock: l.lock}
		var longest time.Duration
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				began := time.Now()
				release, err := s.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				longest = max(longest, time.Since(began))
				mu.Unlock()
				if n := l.count(); n > s.N {
					t.Errorf("%d at a time", n)
				}
				time.Sleep(time.Second)
				release()
			})
		}
		all.Wait()
		if n := l.count(); n != 0 {
			t.Errorf("%d slots are still held", n)
		}
		// 20 rounds of a second, and what is lost between them.
		if longest < 19*time.Second || longest > 25*time.Second {
			t.Errorf("the longest wait was %v", longest)
		}
	})
}

// TestOldestIsNext: who has waited long goes before those who come later, mostly. With one pause for all, 33 to 44 of these are passed by
// ten others; as it is, 15 to 23.
func TestOldestIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &locks{held: map[string]bool{}}
		s := Slots{Dir: t.TempDir(), N: 1, Lock: l.lock}
		var order []int // by the time of coming
		var all sync.WaitGroup
		const n = 200
		for i := range n {
			all.Go(func() {
				release, err := s.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // under the only slot
				time.Sleep(time.Second)
				release()
			})
			time.Sleep(900 * time.Millisecond)
		}
		all.Wait()
		passed := 0
		for at, i := range order {
			later := 0
			for _, j := range order[:at] {
				if j > i {
					later++
				}
			}
			if later >= 10 {
				passed++
			}
		}
		t.Logf("%d of %d were passed by ten others", passed, n)
		if passed > 30 {
			t.Errorf("%d of %d were passed by ten others", passed, n)
		}
	})
}

// TestWaitingIsCheap: many that wait do not keep the machine busy with looking.
func TestWaitingIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &locks{held: map[string]bool{}}
		var tries atomic.Int64
		s := Slots{Dir: t.TempDir(), N: 4, Lock: func(path string) (func(), error) { tries.Add(1); return l.lock(path) }}
		began := time.Now()
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				release, err := s.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				release()
			})
		}
		all.Wait()
		perSecond := float64(tries.Load()) / time.Since(began).Seconds()
		t.Logf("%.0f files were looked at in a second, for %v", perSecond, time.Since(began))
		if perSecond > 3000 {
			t.Error("that is too many")
		}
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &locks{held: map[string]bool{}}
		s := Slots{Dir: t.TempDir(), N: 2, Lock: l.lock}
		for range s.N {
			if _, err := s.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		for range 2 { // one of them is next, the other waits for that
			all.Go(func() {
				_, err := s.Take(ctx)
				if !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), "waited 1m0s") || !strings.Contains(err.Error(), "slot-0.lock: held by process 7") {
					t.Errorf("%v does not say who has the slots", err)
				}
			})
		}
		all.Wait()
	})
}

func TestNoBound(t *testing.T) {
	for range 100 {
		if _, err := (Slots{}).Take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
