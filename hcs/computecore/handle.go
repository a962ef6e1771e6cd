package computecore

import (
	"sync"
	"time"
)

// closeBound is how long close waits for the DLL. A close is one short RPC; the bound is for a service that does not answer.
const closeBound = 10 * time.Second

// handle is one DLL handle, and the count of the calls in flight on it: the DLL frees a handle that is closed while a call
// still uses it, so the last one out closes it.
type handle struct {
	mu     sync.Mutex
	h      uintptr
	users  int
	shut   bool
	closes func(uintptr) // the DLL's close, called once and without the lock
	closed chan struct{} // closed when that has returned
}

func newHandle(h uintptr, closes func(uintptr)) *handle {
	return &handle{h: h, closes: closes, closed: make(chan struct{})}
}

// use returns the handle for one call and the function that ends the call; ok is false after close.
func (h *handle) use() (raw uintptr, done func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut {
		return 0, nil, false
	}
	h.users++
	return h.h, h.done, true
}

func (h *handle) done() {
	h.mu.Lock()
	h.users--
	last := h.shut && h.users == 0
	h.mu.Unlock()
	if last {
		h.release()
	}
}

func (h *handle) release() {
	h.closes(h.h)
	close(h.closed)
}

// close lets no further call begin and closes the handle when none is in flight, or else leaves that to the last. It reports
// whether all is well: false when the DLL's close did not return within the bound.
func (h *handle) close() bool {
	h.mu.Lock()
	first, idle := !h.shut, h.users == 0
	h.shut = true
	h.mu.Unlock()
	if first && idle {
		go h.release()
	}
	if !idle {
		return true
	}
	select {
	case <-h.closed:
		return true
	case <-time.After(closeBound):
		return false
	}
}
