package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// T is one running case: its context, its failures, its clean-up.
type T struct {
	*Env
	ctx  context.Context
	name string

	mu   sync.Mutex
	seq  int
	undo []func(context.Context) error
}

// fail ends the case.
func (t *T) fail(format string, args ...any) {
	panic(failure(fmt.Sprintf(format, args...)))
}

// say tells of progress, for a case that takes its time.
func (t *T) say(format string, args ...any) { fmt.Printf("     "+format+"\n", args...) }

// must fails when err is one.
func (t *T) must(err error, format string, args ...any) {
	if err != nil {
		t.fail("%s: %v", fmt.Sprintf(format, args...), err)
	}
}

// want fails unless cond holds.
func (t *T) want(cond bool, format string, args ...any) {
	if !cond {
		t.fail(format, args...)
	}
}

// refused fails unless err is of the kind that is wanted.
func (t *T) refused(err error, kind func(error) bool, name, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if err == nil {
		t.fail("%s: no error, want %s", what, name)
	}
	if !kind(err) {
		t.fail("%s: want %s, got: %v", what, name, err)
	}
}

// id returns an id no one else has. The case's name is in it, for whoever reads a log.
func (t *T) id() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	return fmt.Sprintf("%s-%s-%d", strings.NewReplacer("/", "-", " ", "-").Replace(t.name), t.runID, t.seq)
}

// later registers a clean-up; the last registered runs first.
func (t *T) later(f func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.undo = append(t.undo, f)
}

// clean undoes everything, whatever fails, and returns the first failure. All of it has three minutes, and each part 20 seconds.
func (t *T) clean() string {
	t.mu.Lock()
	undo := t.undo
	t.undo = nil
	t.mu.Unlock()
	all, cancel := context.WithTimeout(t.Env.ctx, 3*time.Minute)
	defer cancel()
	var first string
	for i := len(undo) - 1; i >= 0; i-- {
		ctx, cancel := context.WithTimeout(all, 20*time.Second)
		if err := undo[i](ctx); err != nil && first == "" {
			first = fmt.Sprintf("clean up: %v", err)
		}
		cancel()
	}
	return first
}

// each runs f n times at once and fails with the first failure.
func (t *T) each(n int, f func(i int)) {
	reasons := make(chan string, n)
	for i := range n {
		go func() { reasons <- guard(func() { f(i) }) }()
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
		t.fail("%d of %d: %s", bad, n, first)
	}
}

// until polls cond and reports whether it came true within d.
func (t *T) until(d time.Duration, cond func() bool) bool {
	end := time.Now().Add(d)
	for {
		if cond() {
			return true
		}
		if time.Now().After(end) || t.ctx.Err() != nil {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
}
