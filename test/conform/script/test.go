package script

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Test is one running case: its context, its failures, its clean-up.
type Test struct {
	Ctx  context.Context
	Name string

	run   string
	whole context.Context // of the whole run: clean-up happens in it
	part  time.Duration   // bound of each part of it

	mu   sync.Mutex
	seq  int
	undo []func(context.Context) error
}

// Fail ends the case.
func (t *Test) Fail(format string, args ...any) {
	panic(failure(fmt.Sprintf(format, args...)))
}

// Say tells of progress, for a case that takes its time.
func (t *Test) Say(format string, args ...any) { fmt.Printf("     "+format+"\n", args...) }

// Must fails when err is one.
func (t *Test) Must(err error, format string, args ...any) {
	if err != nil {
		t.Fail("%s: %v", fmt.Sprintf(format, args...), err)
	}
}

// Want fails unless cond holds.
func (t *Test) Want(cond bool, format string, args ...any) {
	if !cond {
		t.Fail(format, args...)
	}
}

// Refused fails unless err is of the kind that is wanted.
func (t *Test) Refused(err error, kind func(error) bool, name, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if err == nil {
		t.Fail("%s: no error, want %s", what, name)
	}
	if !kind(err) {
		t.Fail("%s: want %s, got: %v", what, name, err)
	}
}

// ID returns an id no one else has. The case's name is in it, for whoever reads a log.
func (t *Test) ID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	return fmt.Sprintf("%s-%s-%d", strings.NewReplacer("/", "-", " ", "-").Replace(t.Name), t.run, t.seq)
}

// Later registers a clean-up; the last registered runs first.
func (t *Test) Later(f func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.undo = append(t.undo, f)
}

// Clean undoes everything, whatever fails, and returns the first failure. All of it has three minutes, and each part its bound.
func (t *Test) Clean() string {
	t.mu.Lock()
	undo := t.undo
	t.undo = nil
	t.mu.Unlock()
	all, cancel := context.WithTimeout(t.whole, 3*time.Minute)
	defer cancel()
	var first string
	for i := len(undo) - 1; i >= 0; i-- {
		ctx, cancel := context.WithTimeout(all, t.part)
		if err := undo[i](ctx); err != nil && first == "" {
			first = fmt.Sprintf("clean up: %v", err)
		}
		cancel()
	}
	return first
}

// Each runs f n times at once and fails with the first failure.
func (t *Test) Each(n int, f func(i int)) {
	reasons := make(chan string, n)
	for i := range n {
		go func() { reasons <- Guard(func() { f(i) }) }()
	}
	var first string
	bad := 0
	for range n {
		if r := <-reasons; r != "" {
			if bad++; first == "" {
				first = r
			}
		}
	}
	if bad > 0 {
		t.Fail("%d of %d: %s", bad, n, first)
	}
}

// Until polls cond and reports whether it came true within d.
func (t *Test) Until(d time.Duration, cond func() bool) bool {
	end := time.Now().Add(d)
	for {
		if cond() {
			return true
		}
		if time.Now().After(end) || t.Ctx.Err() != nil {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
}
