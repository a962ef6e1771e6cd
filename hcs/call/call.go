// Package call is what the Windows leaves share: it bounds calls that Windows cannot cancel, and turns what they return into
// *hcs.Error. It is portable, so that the bookkeeping can be tested anywhere.
//
// HCS, HCN and the layer functions have no way to abandon a call: HcsCancelOperation is not implemented, and giving up on a
// synchronous call frees handles and buffers that the DLL still uses. So every call runs on a goroutine of its own and is left
// to run to its end; only the caller may leave earlier. What a call produces after its caller has left is given back by the
// late function, on the same goroutine.
package call

import (
	"context"
	"fmt"
	"sync/atomic"

	"containerd-shim-hcs/hcs"
)

// outlived counts the calls that run on after their callers have left.
var outlived atomic.Int64

// Outlived is the number of calls whose callers have left and that have not ended yet.
func Outlived() int { return int(outlived.Load()) }

// Bounded runs f and returns what it returns, or, when ctx ends first, an *hcs.Error with code ErrOperationTimeout. In that case
// f still runs to its end, and late, which may be nil, then gets the result if f succeeded. If ctx has ended already, f does not
// run. Op and id name the call in the error.
func Bounded[T any](ctx context.Context, op, id string, f func() (T, error), late func(T)) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, Timeout(ctx, op, id, "not called")
	}
	return run(ctx, op, id, f, late)
}

// run is Bounded without the look before the leap.
func run[T any](ctx context.Context, op, id string, f func() (T, error), late func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	answer := make(chan outcome) // unbuffered: exactly one of "the caller has it" and "the caller has left" is true
	left := make(chan struct{})
	go func() {
		v, err := f()
		select {
		case answer <- outcome{v, err}:
		case <-left:
			if err == nil && late != nil {
				late(v)
			}
			outlived.Add(-1)
		}
	}()
	select {
	case o := <-answer:
		return o.value, o.err
	case <-ctx.Done():
		outlived.Add(1)
		close(left)
		var zero T
		return zero, Timeout(ctx, op, id, "the call goes on")
	}
}

// Do is Bounded for a call that has no result but its error.
func Do(ctx context.Context, op, id string, f func() error) error {
	_, err := Bounded(ctx, op, id, func() (struct{}, error) { return struct{}{}, f() }, nil)
	return err
}

// Timeout is the error of a call whose context ended; state says what became of the call.
func Timeout(ctx context.Context, op, id, state string) error {
	return &hcs.Error{Op: op, ID: id, Code: hcs.ErrOperationTimeout, Message: fmt.Sprintf("%v: %s", context.Cause(ctx), state)}
}
