package computecore

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// exit is an exit channel: one value, then closed.
type exit[T any] struct {
	once sync.Once
	ch   chan T
	done chan struct{} // closed with ch; for waiting without taking the value
}

func newExit[T any]() *exit[T] {
	return &exit[T]{ch: make(chan T, 1), done: make(chan struct{})}
}

// deliver gives the value; only the first call counts.
func (e *exit[T]) deliver(v T) {
	e.once.Do(func() {
		e.ch <- v
		close(e.ch)
		close(e.done)
	})
}

// end closes the channel when nothing came.
func (e *exit[T]) end() {
	e.once.Do(func() {
		close(e.ch)
		close(e.done)
	})
}

func (e *exit[T]) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// systemExit is what an event of a system says about its end; ok is false for events that say nothing.
func systemExit(id string, event uint32, data string) (x hcs.SystemExit, ok bool) {
	switch event {
	case eventSystemExited:
		var s schema.SystemExitStatus
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			// The system is gone, that much is known.
			return hcs.SystemExit{Type: schema.ExitUnknown, ExitedAt: time.Now()}, true
		}
		return hcs.SystemExit{Status: s.Status, Type: s.ExitType, ExitedAt: time.Now()}, true
	case eventServiceDisconnect:
		return hcs.SystemExit{Type: schema.ExitUnknown, Err: disconnected("HcsSetComputeSystemCallback", id), ExitedAt: time.Now()}, true
	}
	return hcs.SystemExit{}, false
}

// processExit is the same for a process. Event data that cannot be read is an exit whose code is not known.
func processExit(id string, event uint32, data string) (x hcs.ProcessExit, ok bool) {
	switch event {
	case eventProcessExited:
		return exitOf(id, data), true
	case eventServiceDisconnect:
		return hcs.ProcessExit{Code: hcs.UnknownExit, Err: disconnected("HcsSetProcessCallback", id), ExitedAt: time.Now()}, true
	}
	return hcs.ProcessExit{}, false
}

func exitOf(id, data string) hcs.ProcessExit {
	x := hcs.ProcessExit{Code: hcs.UnknownExit, ExitedAt: time.Now()}
	var s schema.ProcessStatus
	switch err := json.Unmarshal([]byte(data), &s); {
	case err != nil:
		x.Err = fmt.Errorf("process %s: exit status %q: %w", id, data, err)
	case s.LastWaitResult != 0:
		x.Err = fmt.Errorf("process %s: exit status unknown: wait result 0x%08x", id, uint32(s.LastWaitResult))
	case !s.Exited:
		x.Err = fmt.Errorf("process %s: exit status %q does not say that it has exited", id, data)
	default:
		x.Code = s.ExitCode
	}
	return x
}

func disconnected(op, id string) error {
	return &hcs.Error{Op: op, ID: id, Code: hcs.ErrServiceDisconnect}
}

// stopped is the exit of a system that had stopped before it was opened.
func stopped(p *schema.Properties) hcs.SystemExit {
	x := hcs.SystemExit{Type: p.ExitType, ExitedAt: time.Now()}
	if x.Type == "" {
		x.Type = schema.ExitUnknown
	}
	return x
}
