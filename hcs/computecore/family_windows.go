package computecore

import (
	"context"
	"sync"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// family is a job object that is nested in the one of a silo.
type family struct {
	id  string
	job windows.Handle
	// close waits for a termination under way: the handle's number could be another object's afterwards.
	mu sync.Mutex
}

// familyExit is the exit code of what is terminated with its family.
const familyExit = 1

// Enclose finds the process by its id: those of a process-isolated container are the host's own. The handle that is in use keeps
// that id from being given to another process.
func (p *process) Enclose(ctx context.Context) (hcs.Family, error) {
	const op = "AssignProcessToJobObject"
	return call.Bounded(ctx, op, p.id(), func() (hcs.Family, error) {
		_, done, ok := p.handle.use()
		if !ok {
			return nil, closed(op, p.id())
		}
		defer done()
		h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, p.pid)
		if err != nil {
			return nil, call.Wrap("OpenProcess", p.id(), err)
		}
		defer func() { _ = windows.CloseHandle(h) }()
		job, err := windows.CreateJobObject(nil, nil)
		if err != nil {
			return nil, call.Wrap("CreateJobObject", p.id(), err)
		}
		if err := windows.AssignProcessToJobObject(job, h); err != nil {
			_ = windows.CloseHandle(job)
			return nil, call.Wrap(op, p.id(), err)
		}
		return &family{id: p.id(), job: job}, nil
	}, func(f hcs.Family) { _ = f.Close() })
}

func (f *family) Terminate() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.job == 0 {
		return closed("TerminateJobObject", f.id)
	}
	return call.Wrap("TerminateJobObject", f.id, windows.TerminateJobObject(f.job, familyExit))
}

func (f *family) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	job := f.job
	f.job = 0
	if job == 0 {
		return nil
	}
	return call.Wrap("CloseHandle", f.id, windows.CloseHandle(job))
}
