package sim

import (
	"errors"
	"fmt"

	"containerd-shim-hcs/hcs"
)

// Client is one process that uses the service: an RPC context, which owns handles. Every method that
// takes or makes an object is one call of the service and appears in the journal. A failed call returns an *hcs.Error with a code of the computecore
// family.
type Client struct {
	svc  *Service
	name string
	pid  int
	dead chan struct{} // closed by Close

	// Guarded by svc.mu.
	slots  map[Handle]*slot
	stale  []Handle // closed ones, oldest first
	next   Handle
	closed bool
	lost   func()              // told once when the service is lost
	owned  map[closer]struct{} // pipes of this process
}

type closer interface{ Close() error }

// Handle names an object for one client. The client chooses it and never uses it again.
type Handle uint64

// slot is what a handle stands for. It outlives the object, so that a stale handle is told from an unknown one and the journal can
// name it.
type slot struct {
	name    string        // id of the system, namespace …
	claimed bool          // a call is making, or has made, the object
	ready   chan struct{} // closed when that call has ended
	object  any           // *systemRef, *processRef, *objectRef; nil: not made, or closed
}

// Connect makes a client for a process.
func (s *Service) Connect(name string, pid int) *Client {
	c := &Client{svc: s, name: name, pid: pid, dead: make(chan struct{}), slots: map[Handle]*slot{}, owned: map[closer]struct{}{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.closed = true
		close(c.dead)
		return c
	}
	s.clients[c] = struct{}{}
	return c
}

// Close is the rundown of the client's process: all its handles and pipes are closed, which may terminate systems (§3).
func (c *Client) Close() {
	s := c.svc
	s.mu.Lock()
	if c.closed {
		s.mu.Unlock()
		return
	}
	c.closed = true
	close(c.dead)
	delete(s.clients, c)
	c.dropAll()
	owned := c.owned
	c.owned = nil
	s.mu.Unlock()
	for o := range owned {
		o.Close()
	}
}

// OnLoss registers what is told when the service is lost. It runs under the model's lock.
func (c *Client) OnLoss(f func()) {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	c.lost = f
}

// lose ends the client's handles as a restart of the service does. The caller holds mu.
func (c *Client) lose() {
	for _, sl := range c.slots {
		if l, ok := sl.object.(interface{ lose() }); ok {
			l.lose()
		}
	}
	c.dropAll()
	if c.lost != nil {
		c.lost()
	}
}

// Disconnect makes the client lose the service: its handles end as in a restart, and it may make new ones. Systems on which others hold
// handles live on.
func (c *Client) Disconnect() {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	c.lose()
}

// dropAll closes every handle. The caller holds mu.
func (c *Client) dropAll() {
	for _, sl := range c.slots {
		c.drop(sl)
	}
}

func (c *Client) drop(sl *slot) {
	if d, ok := sl.object.(interface{ drop(*Service) }); ok {
		sl.object = nil
		d.drop(c.svc)
	}
}

// NewHandle returns a handle that was not used before.
func (c *Client) NewHandle() Handle {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	for {
		c.next++
		if _, used := c.slots[c.next]; !used {
			return c.next
		}
	}
}

// Reserve announces that a call is about to make h. Other calls on h wait for that call, so that a client may use the handle of an
// asynchronous create at once.
func (c *Client) Reserve(h Handle) error {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	if _, used := c.slots[h]; used {
		return refuse(hcs.ErrInvalidHandle, "handle %d was used before", h)
	}
	c.slots[h] = &slot{ready: make(chan struct{})}
	return nil
}

// Abandon takes a reservation back that no call used, or closes the object of a handle that the client never learnt to be made: RPC
// runs down a handle whose answer was lost.
func (c *Client) Abandon(h Handle) {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	switch sl := c.slots[h]; {
	case sl == nil:
	case !sl.claimed:
		sl.claimed = true
		close(sl.ready)
	default:
		c.drop(sl)
	}
}

// claim takes h for the object that the calling method makes; settle must follow.
func (c *Client) claim(h Handle, name string) (*slot, error) {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	sl := c.slots[h]
	if sl == nil {
		sl = &slot{ready: make(chan struct{})}
		c.slots[h] = sl
	}
	if sl.claimed {
		return nil, refuse(hcs.ErrInvalidHandle, "handle %d was used before", h)
	}
	sl.claimed, sl.name = true, name
	return sl, nil
}

// settle gives the slot its object, nil when the call failed. A client that died meanwhile loses it at once. The caller holds mu.
func (c *Client) settle(sl *slot, object any) {
	sl.object = object
	if r, ok := object.(*objectRef); ok {
		sl.name = r.o.id // the service may have chosen it
	}
	close(sl.ready)
	if c.closed {
		c.drop(sl)
	}
}

// make runs a call that makes the object of h.
func (c *Client) make(op, id string, h Handle, f func() (any, error)) error {
	return c.do(op, id, func() error {
		sl, err := c.claim(h, id)
		if err != nil {
			return err
		}
		object, err := f()
		if err != nil {
			object = nil
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		c.settle(sl, object)
		return err
	})
}

// use is the object of a handle, once the call that makes it has ended. A closed or failed handle is ErrInvalidHandle.
func use[T any](c *Client, h Handle) (T, error) {
	var zero T
	c.svc.mu.Lock()
	sl := c.slots[h]
	c.svc.mu.Unlock()
	if sl == nil {
		return zero, refuse(hcs.ErrInvalidHandle, "handle %d is not known", h)
	}
	select {
	case <-sl.ready:
	case <-c.dead:
	}
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	o, ok := sl.object.(T)
	if !ok {
		return zero, refuse(hcs.ErrInvalidHandle, "handle %d is closed or of another kind", h)
	}
	return o, nil
}

// closeHandle closes h, which must be of type T.
func closeHandle[T any](c *Client, h Handle) error {
	if _, err := use[T](c, h); err != nil {
		return err
	}
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	sl := c.slots[h]
	if sl.object == nil { // two closes at once
		return refuse(hcs.ErrInvalidHandle, "handle %d is closed", h)
	}
	c.drop(sl)
	c.forget(h)
	return nil
}

// staleKept is how many closed handles are remembered, so that a client that runs for long does not make the model grow.
const staleKept = 1024

// forget remembers h as closed, and forgets the oldest of those. The caller holds mu.
func (c *Client) forget(h Handle) {
	c.stale = append(c.stale, h)
	if len(c.stale) > staleKept {
		delete(c.slots, c.stale[0])
		c.stale = c.stale[1:]
	}
}

// NameOf is the id behind a handle, as the journal has it.
func (c *Client) NameOf(h Handle) string {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	if sl := c.slots[h]; sl != nil && sl.name != "" {
		return sl.name
	}
	return fmt.Sprintf("handle %d", h)
}

// do runs one call of the service.
func (c *Client) do(op, id string, f func() error) error {
	entry := c.svc.journal.begin(c.name, op, id)
	err := c.alive()
	if err == nil {
		err = c.svc.pace(op)
	}
	if err == nil {
		err = f()
	}
	err = failure(op, id, err)
	entry.end(err)
	return err
}

func (c *Client) alive() error {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	switch {
	case c.svc.closed:
		return refuse(hcs.ErrServiceDisconnect, "the service has ended")
	case c.closed:
		return refuse(hcs.ErrInvalidHandle, "the process %s has ended", c.name)
	}
	return nil
}

// refuse is how the model says no.
func refuse(code hcs.Code, format string, args ...any) error {
	return &hcs.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// errFail is E_FAIL, for an error of Launcher or Store that carries no code.
const errFail hcs.Code = 0x80004005

// failure makes err the *hcs.Error that a call returns.
func failure(op, id string, err error) error {
	if err == nil {
		return nil
	}
	var e *hcs.Error
	if errors.As(err, &e) {
		out := *e
		out.Op, out.ID = op, id
		return &out
	}
	code := hcs.CodeOf(err)
	if code == 0 {
		code = errFail
	}
	return &hcs.Error{Op: op, ID: id, Code: code, Message: err.Error()}
}
