package storage

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task/ledger"
)

// flaky answers its calls with the given errors, one after the other, and then with nil.
type flaky struct {
	hcs.Layers
	errs  []error
	calls int
}

func (f *flaky) call() error {
	f.calls++
	if len(f.errs) == 0 {
		return nil
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	return err
}

func (f *flaky) Activate(context.Context, string) error          { return f.call() }
func (f *flaky) Prepare(context.Context, string, []string) error { return f.call() }
func (f *flaky) Unprepare(context.Context, string) error         { return f.call() }
func (f *flaky) Deactivate(context.Context, string) error        { return f.call() }

func failure(c hcs.Code) error { return &hcs.Error{Op: "PrepareLayer", ID: "x", Code: c} }

func repeat(err error, n int) []error {
	var out []error
	for range n {
		out = append(out, err)
	}
	return out
}

func TestOnlyTransientCodesAreRetried(t *testing.T) {
	for name, c := range map[string]struct {
		errs  []error
		calls int
		ok    bool
	}{
		"none":                {nil, 1, true},
		"not ready":           {repeat(failure(hcs.ErrNotReady), 3), 4, true},
		"not connected":       {repeat(failure(hcs.ErrDeviceNotConnected), 1), 2, true},
		"not ready for ever":  {repeat(failure(hcs.ErrNotReady), 100), tries, false},
		"in use":              {repeat(failure(hcs.ErrSharingViolation), 100), 1, false},
		"not there":           {repeat(failure(hcs.ErrPathNotFound), 100), 1, false},
		"not ready, then bad": {[]error{failure(hcs.ErrNotReady), failure(hcs.ErrInvalidLayer)}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &flaky{errs: c.errs}
				start := time.Now()
				err := retry(t.Context(), func() error { return f.Prepare(t.Context(), "x", nil) })
				if (err == nil) != c.ok || f.calls != c.calls {
					t.Errorf("%v after %d calls", err, f.calls)
				}
				if d := time.Since(start); d > 2*pause*tries {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), pause/2)
		defer cancel()
		f := &flaky{errs: repeat(failure(hcs.ErrNotReady), 100)}
		if err := retry(ctx, func() error { return f.Activate(ctx, "x") }); !errors.Is(err, hcs.ErrNotReady) || f.calls != 1 {
			t.Errorf("%v after %d calls", err, f.calls)
		}
	})
}

// TestReleasedMeansReleased: what is undone already is fine; what is in use is not reported as released.
func TestReleasedMeansReleased(t *testing.T) {
	for _, kind := range []ledger.Kind{ledger.Active, ledger.Prepared} {
		for code, ok := range map[hcs.Code]bool{
			hcs.ErrPathNotFound: true, hcs.ErrElementNotFound: true, hcs.ErrInvalidState: true,
			hcs.ErrSharingViolation: false, hcs.ErrAccessDenied: false, hcs.ErrOperationTimeout: false,
		} {
			err := Release(t.Context(), &flaky{errs: repeat(failure(code), 100)}, ledger.Entry{Kind: kind, ID: "x"})
			if (err == nil) != ok {
				t.Errorf("%s: %v: %v", kind, code, err)
			}
		}
	}
}
