package fault

import (
	"context"
	"io"
	"net"
	"sync"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// Wrap puts the rules around every method of a machine that does something.
func Wrap(m hcs.Machine, s *Set) hcs.Machine {
	return hcs.Machine{Compute: compute{m.Compute, s}, Layers: layers{m.Layers, s}, Network: network{m.Network, s}, Host: host{m.Host, s}}
}

// do makes a call under the rules. What a call made whose answer is lost is given to undo, so that the caller, who has no handle to
// it, holds nothing.
func do[T any](ctx context.Context, s *Set, call Call, id string, f func() (T, error), undo func(T)) (T, error) {
	var zero T
	a := s.Match(call, id)
	if !a.Hold(ctx.Done()) {
		return zero, refused(call, id, hcs.ErrOperationTimeout, a)
	}
	if a.Kind == Fail {
		return zero, refused(call, id, a.Code, a)
	}
	v, err := f()
	if a.Kind != Lose {
		return v, err
	}
	if err == nil && undo != nil {
		undo(v)
	}
	return zero, refused(call, id, a.Code, a)
}

// do0 is do for a call without result.
func do0(ctx context.Context, s *Set, call Call, id string, f func() error) error {
	_, err := do(ctx, s, call, id, func() (struct{}, error) { return struct{}{}, f() }, nil)
	return err
}

func refused(call Call, id string, code hcs.Code, a Action) error {
	return &hcs.Error{Op: string(call), ID: id, Code: code, Message: "fault: " + a.Rule}
}

type compute struct {
	hcs.Compute
	s *Set
}

// Create whose answer is lost leaves nothing, as hcs.Compute promises: the system is terminated and its handle closed.
func (c compute) Create(ctx context.Context, id string, doc *schema.ComputeSystem) (hcs.System, error) {
	return do(ctx, c.s, "HcsCreateComputeSystem", id, func() (hcs.System, error) {
		return wrapSystem(c.s)(c.Compute.Create(ctx, id, doc))
	}, func(made hcs.System) {
		inner := made.(*system).System // Close below is not a call of the caller's: no rule applies
		_ = inner.Terminate(context.WithoutCancel(ctx))
		_ = inner.Close()
	})
}

func (c compute) Open(ctx context.Context, id string) (hcs.System, error) {
	return do(ctx, c.s, "HcsOpenComputeSystem", id, func() (hcs.System, error) {
		return wrapSystem(c.s)(c.Compute.Open(ctx, id))
	}, func(opened hcs.System) { _ = opened.(*system).System.Close() })
}

func (c compute) List(ctx context.Context, query schema.SystemQuery) ([]schema.Properties, error) {
	return do(ctx, c.s, "HcsEnumerateComputeSystems", "", func() ([]schema.Properties, error) { return c.Compute.List(ctx, query) }, nil)
}

// system passes ID through.
type system struct {
	hcs.System
	s      *Set
	exited <-chan hcs.SystemExit
	drop   func() // closes exited when its event was dropped
}

// wrapSystem is curried to take what Create and Open return.
func wrapSystem(s *Set) func(hcs.System, error) (hcs.System, error) {
	return func(inner hcs.System, err error) (hcs.System, error) {
		if err != nil {
			return nil, err
		}
		w := &system{System: inner, s: s, exited: inner.Exited()}
		if s.Match(SystemExited, inner.ID()).Kind == DropEvent {
			w.exited, w.drop = dropped[hcs.SystemExit]()
		}
		return w, nil
	}
}

// dropped is a channel on which no event comes; like every exit channel it ends when its handle is closed.
func dropped[T any]() (<-chan T, func()) {
	c := make(chan T)
	return c, sync.OnceFunc(func() { close(c) })
}

func (y *system) Exited() <-chan hcs.SystemExit { return y.exited }

func (y *system) Start(ctx context.Context) error {
	return do0(ctx, y.s, "HcsStartComputeSystem", y.ID(), func() error { return y.System.Start(ctx) })
}

func (y *system) Shutdown(ctx context.Context) error {
	return do0(ctx, y.s, "HcsShutDownComputeSystem", y.ID(), func() error { return y.System.Shutdown(ctx) })
}

func (y *system) Terminate(ctx context.Context) error {
	return do0(ctx, y.s, "HcsTerminateComputeSystem", y.ID(), func() error { return y.System.Terminate(ctx) })
}

func (y *system) Freeze(ctx context.Context, frozen bool) error {
	return do0(ctx, y.s, "NtSetInformationJobObject", y.ID(), func() error { return y.System.Freeze(ctx, frozen) })
}

func (y *system) SetAffinity(ctx context.Context, groups []schema.GroupAffinity) error {
	return do0(ctx, y.s, "NtSetInformationJobObject", y.ID(), func() error { return y.System.SetAffinity(ctx, groups) })
}

func (y *system) Modify(ctx context.Context, req *schema.ModifySettingRequest) error {
	return do0(ctx, y.s, "HcsModifyComputeSystem", y.ID(), func() error { return y.System.Modify(ctx, req) })
}

func (y *system) Properties(ctx context.Context, types ...schema.PropertyType) (*schema.Properties, error) {
	return do(ctx, y.s, "HcsGetComputeSystemProperties", y.ID(), func() (*schema.Properties, error) { return y.System.Properties(ctx, types...) }, nil)
}

// Run whose answer is lost leaves the process to the system: only the handle and the streams are closed.
func (y *system) Run(ctx context.Context, params *schema.ProcessParameters) (hcs.Process, error) {
	return do(ctx, y.s, "HcsCreateProcess", y.ID(), func() (hcs.Process, error) {
		return y.wrapProcess(y.System.Run(ctx, params))
	}, closeProcess)
}

func (y *system) OpenProcess(ctx context.Context, pid uint32) (hcs.Process, error) {
	return do(ctx, y.s, "HcsOpenProcess", y.ID(), func() (hcs.Process, error) {
		return y.wrapProcess(y.System.OpenProcess(ctx, pid))
	}, closeProcess)
}

func (y *system) Close() error {
	return do0(context.Background(), y.s, "HcsCloseComputeSystem", y.ID(), func() error {
		if y.drop != nil {
			y.drop()
		}
		return y.System.Close()
	})
}

// process passes Pid and the streams through.
type process struct {
	hcs.Process
	s      *Set
	id     string // of the system
	exited <-chan hcs.ProcessExit
	drop   func() // as the system's
}

func (y *system) wrapProcess(inner hcs.Process, err error) (hcs.Process, error) {
	if err != nil {
		return nil, err
	}
	w := &process{Process: inner, s: y.s, id: y.ID(), exited: inner.Exited()}
	if y.s.Match(ProcessExited, y.ID()).Kind == DropEvent {
		w.exited, w.drop = dropped[hcs.ProcessExit]()
	}
	return w, nil
}

func closeProcess(made hcs.Process) {
	inner := made.(*process).Process
	if w := inner.Stdin(); w != nil {
		_ = w.Close()
	}
	for _, r := range []io.Closer{inner.Stdout(), inner.Stderr()} {
		if r != nil {
			_ = r.Close()
		}
	}
	_ = inner.Close()
}

func (p *process) Exited() <-chan hcs.ProcessExit { return p.exited }

func (p *process) CloseStdin(ctx context.Context) error {
	return do0(ctx, p.s, "HcsModifyProcess", p.id, func() error { return p.Process.CloseStdin(ctx) })
}

func (p *process) Signal(ctx context.Context, signal schema.Signal) error {
	return do0(ctx, p.s, "HcsSignalProcess", p.id, func() error { return p.Process.Signal(ctx, signal) })
}

func (p *process) Terminate(ctx context.Context) error {
	return do0(ctx, p.s, "HcsTerminateProcess", p.id, func() error { return p.Process.Terminate(ctx) })
}

func (p *process) Enclose(ctx context.Context) (hcs.Family, error) {
	return do(ctx, p.s, "AssignProcessToJobObject", p.id, func() (hcs.Family, error) { return p.Process.Enclose(ctx) },
		func(f hcs.Family) { _ = f.Close() })
}

func (p *process) Resize(ctx context.Context, width, height uint16) error {
	return do0(ctx, p.s, "HcsModifyProcess", p.id, func() error { return p.Process.Resize(ctx, width, height) })
}

func (p *process) Close() error {
	return do0(context.Background(), p.s, "HcsCloseProcess", p.id, func() error {
		if p.drop != nil {
			p.drop()
		}
		return p.Process.Close()
	})
}

type host struct {
	hcs.Host
	s *Set
}

func (h host) Facts(ctx context.Context) (hcs.Facts, error) {
	return do(ctx, h.s, "Facts", "", func() (hcs.Facts, error) { return h.Host.Facts(ctx) }, nil)
}

func (h host) DialPipe(ctx context.Context, path string) (net.Conn, error) {
	return do(ctx, h.s, "DialPipe", path, func() (net.Conn, error) { return h.Host.DialPipe(ctx, path) }, func(c net.Conn) { _ = c.Close() })
}

func (h host) ListenPipe(path string) (net.Listener, error) {
	return do(context.Background(), h.s, "ListenPipe", path, func() (net.Listener, error) { return h.Host.ListenPipe(path) },
		func(l net.Listener) { _ = l.Close() })
}

func (h host) Spawn(ctx context.Context, p hcs.Program) (hcs.Child, error) {
	return do(ctx, h.s, "Spawn", p.Path, func() (hcs.Child, error) { return h.Host.Spawn(ctx, p) }, func(c hcs.Child) { _ = c.Kill() })
}

func (h host) ResolvePath(path string) (string, error) {
	return do(context.Background(), h.s, "ResolvePath", path, func() (string, error) { return h.Host.ResolvePath(path) }, nil)
}
