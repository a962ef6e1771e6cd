package sim

import (
	"context"
	"maps"
	"slices"
	"sync"

	"containerd-shim-hcs/hcs"
)

// familyExit is the code with which TerminateJobObject ends the processes of a family.
const familyExit = 1

// family is the job object of a process and what it starts, hcs.Family.
type family struct {
	c   *Client
	pid uint32

	mu      sync.Mutex
	members map[*scriptProcess]struct{}
	closed  bool
}

// Enclose is of Windows, not of HCS: CreateJobObject and AssignProcessToJobObject. An exited process cannot be assigned. That a process
// in the silo of a container can be given a nested job from outside is assumed.
func (p *processHandle) Enclose(ctx context.Context) (hcs.Family, error) {
	const op = "AssignProcessToJobObject"
	return await(ctx, p.s.c, op, p.s.id, func() (hcs.Family, error) {
		f := &family{c: p.s.c, pid: p.pid, members: map[*scriptProcess]struct{}{}}
		err := p.s.c.onProcess(op, p.h, func(r *processRef) error {
			running, ok := r.p.running.(*scriptProcess)
			switch {
			case !ok:
				return refuse(hcs.ErrNotSupported, "the launcher has processes of its own")
			case r.p.exited || !running.enter(f):
				return refuse(hcs.ErrAccessDenied, "process %d has exited", r.p.pid)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		p.s.c.own(f)
		return f, nil
	}, func(f hcs.Family) { _ = f.Close() })
}

func (f *family) Terminate() error {
	f.mu.Lock()
	members, closed := slices.Collect(maps.Keys(f.members)), f.closed
	f.mu.Unlock()
	if closed {
		return failure("TerminateJobObject", "", refuse(hcs.ErrInvalidHandle, "the job of process %d is closed", f.pid))
	}
	for _, p := range members {
		p.Kill(familyExit)
	}
	return nil
}

func (f *family) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.c.disown(f)
	return nil
}

func (f *family) add(p *scriptProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[p] = struct{}{}
}

func (f *family) drop(p *scriptProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.members, p)
}

// enter makes the process one of the family, unless it has ended.
func (p *scriptProcess) enter(f *family) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	p.family = f
	f.add(p)
	return true
}
