package call

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
)

func TestBoundedReturnsTheResult(t *testing.T) {
	v, err := Bounded(context.Background(), "Op", "id", func() (int, error) { return 7, nil }, func(int) { t.Error("late") })
	if v != 7 || err != nil {
		t.Fatalf("%d, %v", v, err)
	}
	want := errors.New("no")
	if _, err := Bounded(context.Background(), "Op", "id", func() (int, error) { return 0, want }, nil); !errors.Is(err, want) {
		t.Fatal(err)
	}
}

func TestBoundedGivesBackWhatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var late []int
		slow := func(err error) func() (int, error) {
			return func() (int, error) { time.Sleep(time.Minute); return 7, err }
		}
		start := time.Now()
		_, err := Bounded(ctx, "HcsCreateComputeSystem", "c1", slow(nil), func(v int) { late = append(late, v) })
		if !errors.Is(err, hcs.ErrOperationTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Fatal("returned after", d)
		}
		ctx2, cancel2 := context.WithTimeout(t.Context(), time.Second)
		defer cancel2()
		if _, err := Bounded(ctx2, "Op", "", slow(errors.New("failed")), func(int) { t.Error("late for a failure") }); err == nil {
			t.Fatal("no error")
		}
		if Outlived() != 2 {
			t.Fatal("outlived", Outlived())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(late) != 1 || late[0] != 7 || Outlived() != 0 {
			t.Fatal(late, Outlived())
		}
	})
}

func TestBoundedDoesNotCallWhenTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Bounded(ctx, "Op", "id", func() (int, error) { t.Error("called"); return 0, nil }, nil)
	if !errors.Is(err, hcs.ErrOperationTimeout) {
		t.Fatal(err)
	}
}

func TestLanesWaitForTheCallBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lanes
		var order []string
		step := func(name string, d time.Duration) func() error {
			return func() error { time.Sleep(d); order = append(order, name); return nil }
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		// The first call outlives its caller, the second never gets its turn, the third waits for the first.
		if err := l.Do(short, "Activate", "a", step("first", 10*time.Second)); !errors.Is(err, hcs.ErrOperationTimeout) {
			t.Fatal(err)
		}
		short2, cancel2 := context.WithTimeout(t.Context(), time.Second)
		defer cancel2()
		if err := l.Do(short2, "Prepare", "a", step("second", 0)); !errors.Is(err, hcs.ErrOperationTimeout) {
			t.Fatal(err)
		}
		if err := l.Do(t.Context(), "Activate", "b", step("other", 0)); err != nil {
			t.Fatal(err)
		}
		if err := l.Do(t.Context(), "Deactivate", "a", step("third", 0)); err != nil {
			t.Fatal(err)
		}
		if got := len(order); got != 3 || order[0] != "other" || order[1] != "first" || order[2] != "third" {
			t.Fatal(order)
		}
		synctest.Wait()
		if len(l.last) != 0 {
			t.Fatal("keys left", len(l.last))
		}
	})
}
