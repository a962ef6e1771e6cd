package computecore

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

// system is a handle on one compute system with its exit callback set.
type system struct {
	id     string
	handle *handle
	event  uintptr // in events
	exit   *exit[hcs.SystemExit]
}

// watch makes raw a system: it sets the callback. On error raw is still the caller's.
func watch(id string, raw uintptr) (*system, error) {
	s := &system{id: id, handle: newHandle(raw, hcsCloseComputeSystem), exit: newExit[hcs.SystemExit]()}
	s.event = events.add(func(event uint32, data string) {
		if x, ok := systemExit(id, event, data); ok {
			s.exit.deliver(x)
		}
	})
	if code := hcsSetComputeSystemCallback(raw, s.event); call.Failed(code) {
		events.remove(s.event)
		return nil, call.Error("HcsSetComputeSystemCallback", id, code, "")
	}
	return s, nil
}

func (s *system) ID() string                    { return s.id }
func (s *system) Exited() <-chan hcs.SystemExit { return s.exit.ch }

// Close closes the exit channel if nothing came. A call in flight keeps the DLL's handle open until it ends.
func (s *system) Close() error {
	events.remove(s.event)
	s.exit.end()
	if !s.handle.close() {
		return &hcs.Error{Op: "HcsCloseComputeSystem", ID: s.id, Code: hcs.ErrOperationTimeout}
	}
	return nil
}

// do is one bounded operation on the system's handle.
func (s *system) do(ctx context.Context, name string, request func(raw, op uintptr) hcs.Code) error {
	return call.Do(ctx, name, s.id, func() error {
		_, err := s.operate(name, nil, request)
		return err
	})
}

// operate runs to the operation's end.
func (s *system) operate(name string, taken func(), request func(raw, op uintptr) hcs.Code) (string, error) {
	raw, done, ok := s.handle.use()
	if !ok {
		return "", closed(name, s.id)
	}
	defer done()
	return operation{name: name, id: s.id, taken: taken, request: func(op uintptr) hcs.Code { return request(raw, op) }}.run()
}

func closed(op, id string) error {
	return &hcs.Error{Op: op, ID: id, Code: hcs.ErrInvalidHandle, Message: "the handle was closed"}
}

func (s *system) Start(ctx context.Context) error {
	return s.do(ctx, "HcsStartComputeSystem", hcsStartComputeSystem)
}

// takenGrace is how long Shutdown and Terminate wait, once HCS has taken the request, for a refusal that comes as the result of
// the operation (such as an invalid state). The operation itself may last as long as the system takes to stop.
const takenGrace = time.Second

func (s *system) Shutdown(ctx context.Context) error {
	return s.ask(ctx, "HcsShutDownComputeSystem", func(taken func()) error {
		_, err := s.operate("HcsShutDownComputeSystem", taken, hcsShutDownComputeSystem)
		return err
	})
}

func (s *system) Terminate(ctx context.Context) error {
	const name = "HcsTerminateComputeSystem"
	return s.ask(ctx, name, func(taken func()) error {
		// The system's own handle keeps what this is about alive, and it must still be open: a closed System terminates nothing.
		_, done, ok := s.handle.use()
		if !ok {
			return closed(name, s.id)
		}
		defer done()
		raw, code := hcsOpenComputeSystem(s.id)
		if call.Failed(code) {
			if code.Family() == hcs.ErrSystemNotFound {
				return call.Error(name, s.id, hcs.ErrSystemAlreadyStopped, "")
			}
			// Rather behind another call than not at all.
			_, err := s.operate(name, taken, hcsTerminateComputeSystem)
			return err
		}
		defer hcsCloseComputeSystem(raw)
		_, err := operation{name: name, id: s.id, taken: taken, request: func(op uintptr) hcs.Code {
			return hcsTerminateComputeSystem(raw, op)
		}}.run()
		return err
	})
}

// ask runs a request whose completion is seen by the system's exit: it returns when the operation has ended, or when HCS has taken
// the request and the system has exited or the grace has passed.
func (s *system) ask(ctx context.Context, name string, run func(taken func()) error) error {
	var under atomic.Bool
	bound, stop := context.WithCancel(ctx)
	defer stop()
	taken := func() {
		under.Store(true)
		go func() {
			grace := time.NewTimer(takenGrace)
			defer grace.Stop()
			select {
			case <-s.exit.done:
			case <-grace.C:
			case <-bound.Done():
			}
			stop()
		}()
	}
	err := call.Do(bound, name, s.id, func() error { return run(taken) })
	if hcs.CodeOf(err) == hcs.ErrOperationTimeout && under.Load() && ctx.Err() == nil {
		return nil
	}
	return err
}

func (s *system) Modify(ctx context.Context, req *schema.ModifySettingRequest) error {
	const name = "HcsModifyComputeSystem"
	doc, err := document(name, s.id, req)
	if err != nil {
		return err
	}
	return s.do(ctx, name, func(raw, op uintptr) hcs.Code { return hcsModifyComputeSystem(raw, op, doc) })
}

func (s *system) Properties(ctx context.Context, types ...schema.PropertyType) (*schema.Properties, error) {
	return call.Bounded(ctx, "HcsGetComputeSystemProperties", s.id, func() (*schema.Properties, error) {
		return s.properties(types)
	}, nil)
}

func (s *system) properties(types []schema.PropertyType) (*schema.Properties, error) {
	const name = "HcsGetComputeSystemProperties"
	query, err := document(name, s.id, schema.PropertyQuery{PropertyTypes: types})
	if err != nil {
		return nil, err
	}
	answer, err := s.operate(name, nil, func(raw, op uintptr) hcs.Code { return hcsGetComputeSystemProperties(raw, op, query) })
	if err != nil {
		return nil, err
	}
	p := new(schema.Properties)
	if err := json.Unmarshal([]byte(answer), p); err != nil {
		return nil, fmt.Errorf("%s %s: answer %q: %w", name, s.id, answer, err)
	}
	return p, nil
}
