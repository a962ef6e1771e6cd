package computecore

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

// New returns the compute systems of this host. The DLL is loaded by the first call.
func New() hcs.Compute { return compute{} }

type compute struct{}

func (compute) Create(ctx context.Context, id string, doc *schema.ComputeSystem) (hcs.System, error) {
	const name = "HcsCreateComputeSystem"
	configuration, err := document(name, id, doc)
	if err != nil {
		return nil, err
	}
	return call.Bounded(ctx, name, id, func() (hcs.System, error) {
		var raw uintptr
		_, err := operation{name: name, id: id, request: func(op uintptr) hcs.Code {
			return hcsCreateComputeSystem(id, configuration, op, &raw)
		}}.run()
		if err != nil {
			if raw != 0 {
				discard(id, raw)
			}
			return nil, err
		}
		s, err := watch(id, raw)
		if err != nil {
			discard(id, raw)
			return nil, err
		}
		return s, nil
	}, func(s hcs.System) {
		// The caller has left and believes that nothing is there.
		_ = s.Terminate(context.Background())
		_ = s.Close()
	})
}

// discard ends and closes a system that nobody will own. The termination's own error says nothing that the caller can use: a
// half-made system may refuse it, and then closing the only handle removes it.
func discard(id string, raw uintptr) {
	_, _ = operation{name: "HcsTerminateComputeSystem", id: id, request: func(op uintptr) hcs.Code {
		return hcsTerminateComputeSystem(raw, op)
	}}.run()
	hcsCloseComputeSystem(raw)
}

func (compute) Open(ctx context.Context, id string) (hcs.System, error) {
	if err := checkID("HcsOpenComputeSystem", id); err != nil {
		return nil, err
	}
	return call.Bounded(ctx, "HcsOpenComputeSystem", id, func() (hcs.System, error) {
		raw, code := hcsOpenComputeSystem(id)
		if call.Failed(code) {
			return nil, call.Error("HcsOpenComputeSystem", id, code, "")
		}
		s, err := watch(id, raw)
		if err != nil {
			hcsCloseComputeSystem(raw)
			return nil, err
		}
		// Not proven: that HCS repeats the exit event to a callback that is set after the exit (hcs-api, appendix C). The
		// state is asked after the callback is set, so one of the two tells.
		p, err := s.properties(nil)
		switch {
		case err != nil:
			_ = s.Close()
			return nil, err
		case p.Stopped || p.State == schema.StateStopped:
			s.exit.deliver(stopped(p))
		}
		return s, nil
	}, func(s hcs.System) { _ = s.Close() })
}

func (compute) List(ctx context.Context, query schema.SystemQuery) ([]schema.Properties, error) {
	const name = "HcsEnumerateComputeSystems"
	q, err := document(name, "", query)
	if err != nil {
		return nil, err
	}
	return call.Bounded(ctx, name, "", func() ([]schema.Properties, error) {
		answer, err := operation{name: name, request: func(op uintptr) hcs.Code {
			return hcsEnumerateComputeSystems(q, op)
		}}.run()
		if err != nil {
			return nil, err
		}
		var list []schema.Properties
		if err := json.Unmarshal([]byte(answer), &list); err != nil {
			return nil, fmt.Errorf("%s: answer %q: %w", name, answer, err)
		}
		return list, nil
	}, nil)
}

// document marshals what is sent to HCS, and refuses an id that cannot be passed.
func document(op, id string, v any) (string, error) {
	if err := checkID(op, id); err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%s %s: document: %w", op, id, err)
	}
	return string(b), nil
}

func checkID(op, id string) error {
	if strings.ContainsRune(id, 0) {
		return &hcs.Error{Op: op, ID: strings.ReplaceAll(id, "\x00", `\0`), Code: hcs.ErrInvalidArgument, Message: "the id contains NUL"}
	}
	return nil
}
