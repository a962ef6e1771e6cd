package task

import (
	"context"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
)

func TestBreaker(t *testing.T) {
	var b breaker
	now := time.Unix(0, 0)
	fail := func() { b.done(now, &hcs.Error{Op: "HcsCreateProcess", Code: hcs.ErrCallFailed}) }
	for i := range breakAfter {
		if err := b.allow(now); err != nil {
			t.Fatalf("after %d failures: %v", i, err)
		}
		fail()
	}
	pause := breakFirst
	for range 10 {
		if err := b.allow(now.Add(pause - 1)); !errdefs.IsUnavailable(err) {
			t.Fatalf("within a pause of %v: %v", pause, err)
		}
		now = now.Add(pause)
		if err := b.allow(now); err != nil {
			t.Fatalf("after a pause of %v: %v", pause, err)
		}
		if err := b.allow(now); err == nil {
			t.Fatal("a second request is let through beside the first")
		}
		fail()
		pause = min(2*pause, breakMost)
	}
	now = now.Add(pause)
	if err := b.allow(now); err != nil {
		t.Fatal(err)
	}
	b.done(now, hcs.ErrFileNotFound) // the service answered
	if err := b.allow(now); err != nil {
		t.Errorf("after an answer: %v", err)
	}
	for range breakAfter {
		b.done(now, context.DeadlineExceeded)
	}
	if b.allow(now) == nil {
		t.Error("requests that time out do not count")
	}
}
