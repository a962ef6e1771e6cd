package sim

import (
	"context"

	"containerd-shim-hcs/hcs"
)

// Machine is the service as package hcs shows it to one client process. Every call of an interface makes the calls of the service
// that the Windows leaf makes, with documents as text, under that client's handles.
func (s *Service) Machine(c *Client) hcs.Machine {
	return hcs.Machine{Compute: compute{c}, Layers: layers{c}, Network: network{c}, Host: host{c}}
}

// await runs a call of the service and returns when it has ended or ctx has. A call that ctx gave up on goes on at the service: its
// result is then given to undo. With a context that has ended no call is made.
func await[T any](ctx context.Context, c *Client, op, id string, call func() (T, error), undo func(T)) (T, error) {
	var zero T
	if ctx.Err() != nil {
		return zero, timeout(op, id)
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	c.svc.mu.Lock()
	running := c.svc.spawn(func() {
		v, err := call()
		done <- result{v, err}
	})
	c.svc.mu.Unlock()
	if !running {
		return zero, &hcs.Error{Op: op, ID: id, Code: hcs.ErrServiceDisconnect}
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done: // both at once: the answer counts
		return r.value, r.err
	default:
	}
	if undo != nil {
		c.svc.mu.Lock()
		c.svc.spawn(func() {
			if r := <-done; r.err == nil {
				undo(r.value)
			}
		})
		c.svc.mu.Unlock()
	}
	return zero, timeout(op, id)
}

// await0 is await for a call without result.
func await0(ctx context.Context, c *Client, op, id string, call func() error) error {
	_, err := await(ctx, c, op, id, func() (struct{}, error) { return struct{}{}, call() }, nil)
	return err
}

func timeout(op, id string) error {
	return &hcs.Error{Op: op, ID: id, Code: hcs.ErrOperationTimeout}
}
