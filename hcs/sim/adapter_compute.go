package sim

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// compute is hcs.Compute for a client.
type compute struct{ c *Client }

func (m compute) Create(ctx context.Context, id string, doc *schema.ComputeSystem) (hcs.System, error) {
	const op = "HcsCreateComputeSystem"
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, &hcs.Error{Op: op, ID: id, Code: hcs.ErrInvalidJSON, Message: err.Error()}
	}
	return m.get(ctx, op, id, func(h Handle) error { return m.c.CreateComputeSystem(h, id, string(b)) }, true)
}

func (m compute) Open(ctx context.Context, id string) (hcs.System, error) {
	return m.get(ctx, "HcsOpenComputeSystem", id, func(h Handle) error { return m.c.OpenComputeSystem(h, id) }, false)
}

// get makes a handle and watches it. Nothing is held when it fails: what was made then is terminated and closed.
func (m compute) get(ctx context.Context, op, id string, call func(Handle) error, made bool) (hcs.System, error) {
	undo := func(s *systemHandle) {
		if made {
			_ = m.c.TerminateComputeSystem(s.h, "") // it may have ended already
		}
		_ = s.Close()
	}
	s, err := await(ctx, m.c, op, id, func() (*systemHandle, error) {
		s := &systemHandle{c: m.c, id: id, h: m.c.NewHandle(), exited: make(chan hcs.SystemExit, 1)}
		if err := call(s.h); err != nil {
			return nil, err
		}
		if err := m.c.WatchSystem(s.h, s.tell); err != nil {
			undo(s)
			return nil, err
		}
		return s, nil
	}, undo)
	if err != nil {
		return nil, err
	}
	m.c.own(s) // the end of the process is the end of its handles
	return s, nil
}

func (m compute) List(ctx context.Context, query schema.SystemQuery) ([]schema.Properties, error) {
	return await(ctx, m.c, "HcsEnumerateComputeSystems", "", func() ([]schema.Properties, error) {
		doc, err := m.c.EnumerateComputeSystems(text(query))
		if err != nil {
			return nil, err
		}
		var list []schema.Properties
		return list, json.Unmarshal([]byte(doc), &list)
	}, nil)
}

// systemHandle is hcs.System.
type systemHandle struct {
	c      *Client
	id     string
	h      Handle
	exited chan hcs.SystemExit
	ended  sync.Once // exited is closed
	close  sync.Once
	err    error // of close
}

// tell runs under the model's lock; the channel has room.
func (s *systemHandle) tell(status schema.SystemExitStatus, err error) {
	s.ended.Do(func() {
		s.exited <- hcs.SystemExit{Status: status.Status, Type: status.ExitType, Err: err, ExitedAt: time.Now()}
		close(s.exited)
	})
}

func (s *systemHandle) ID() string                    { return s.id }
func (s *systemHandle) Exited() <-chan hcs.SystemExit { return s.exited }

func (s *systemHandle) Close() error {
	s.close.Do(func() {
		s.err = s.c.CloseComputeSystem(s.h)
		s.ended.Do(func() { close(s.exited) })
		s.c.disown(s)
	})
	return s.err
}

func (s *systemHandle) Start(ctx context.Context) error {
	return await0(ctx, s.c, "HcsStartComputeSystem", s.id, func() error { return s.c.StartComputeSystem(s.h, "") })
}

func (s *systemHandle) Shutdown(ctx context.Context) error {
	return await0(ctx, s.c, "HcsShutDownComputeSystem", s.id, func() error { return s.c.ShutdownComputeSystem(s.h, "") })
}

func (s *systemHandle) Terminate(ctx context.Context) error {
	return await0(ctx, s.c, "HcsTerminateComputeSystem", s.id, func() error { return s.c.TerminateComputeSystem(s.h, "") })
}

func (s *systemHandle) Modify(ctx context.Context, req *schema.ModifySettingRequest) error {
	const op = "HcsModifyComputeSystem"
	b, err := json.Marshal(req)
	if err != nil {
		return &hcs.Error{Op: op, ID: s.id, Code: hcs.ErrInvalidJSON, Message: err.Error()}
	}
	return await0(ctx, s.c, op, s.id, func() error { return s.c.ModifyComputeSystem(s.h, string(b)) })
}

func (s *systemHandle) Freeze(ctx context.Context, frozen bool) error {
	return await0(ctx, s.c, "NtSetInformationJobObject", s.id, func() error { return s.c.FreezeSilo(s.id, frozen) })
}

func (s *systemHandle) SetAffinity(ctx context.Context, groups []schema.GroupAffinity) error {
	return await0(ctx, s.c, "NtSetInformationJobObject", s.id, func() error { return s.c.SetSiloAffinity(s.id, groups) })
}

func (s *systemHandle) Properties(ctx context.Context, types ...schema.PropertyType) (*schema.Properties, error) {
	return await(ctx, s.c, "HcsGetComputeSystemProperties", s.id, func() (*schema.Properties, error) {
		doc, err := s.c.ComputeSystemProperties(s.h, text(schema.PropertyQuery{PropertyTypes: types}))
		if err != nil {
			return nil, err
		}
		var p schema.Properties
		return &p, json.Unmarshal([]byte(doc), &p)
	}, nil)
}

func (s *systemHandle) Run(ctx context.Context, params *schema.ProcessParameters) (hcs.Process, error) {
	const op = "HcsCreateProcess"
	b, err := json.Marshal(params)
	if err != nil {
		return nil, &hcs.Error{Op: op, ID: s.id, Code: hcs.ErrInvalidJSON, Message: err.Error()}
	}
	return s.process(ctx, op, func(p *processHandle) error {
		var served Streams
		in, out, errs := Wants(params)
		if in {
			served.Stdin, p.stdin = Pipe()
		}
		if out {
			p.stdout, served.Stdout = Pipe()
		}
		if errs {
			p.stderr, served.Stderr = Pipe()
		}
		var err error
		p.pid, err = s.c.CreateProcess(s.h, p.h, string(b), served)
		return err
	})
}

func (s *systemHandle) OpenProcess(ctx context.Context, pid uint32) (hcs.Process, error) {
	return s.process(ctx, "HcsOpenProcess", func(p *processHandle) error {
		p.pid = pid
		return s.c.OpenProcess(s.h, p.h, pid)
	})
}

// process makes a handle on a process and watches it.
func (s *systemHandle) process(ctx context.Context, op string, call func(*processHandle) error) (hcs.Process, error) {
	undo := func(p *processHandle) {
		p.closeStreams()
		_ = p.Close() // the process runs on: it belongs to the system
	}
	p, err := await(ctx, s.c, op, s.id, func() (*processHandle, error) {
		p := &processHandle{s: s, h: s.c.NewHandle(), exited: make(chan hcs.ProcessExit, 1)}
		if err := call(p); err != nil {
			p.closeStreams()
			return nil, err
		}
		if err := s.c.WatchProcess(p.h, p.tell); err != nil {
			undo(p)
			return nil, err
		}
		p.ownStreams()
		s.c.own(p)
		return p, nil
	}, undo)
	if err != nil {
		return nil, err
	}
	return p, nil
}
