package winhost

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// group is a container's job object.
type group struct {
	view  view
	c     sim.Container
	job   windows.Handle
	host  *Host
	limit atomic.Uint64 // of the commit in bytes, 0 for none

	mu    sync.Mutex // guards the fields below
	seen  map[uint32]sample
	past  sim.Usage // of processes that have ended
	peak  uint64
	ended bool
	ice   *ice // nil unless it is frozen
}

// sample is what a process had used when it was last seen.
type sample struct {
	born         int64
	user, kernel uint64
}

// Open implements sim.Launcher.
func (h *Host) Open(c sim.Container) (sim.Group, error) {
	view := newView(h.root, c)
	if err := view.mountPoints(); err != nil {
		return nil, fail("mount points", c.ID, err)
	}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fail("CreateJobObject", c.ID, err)
	}
	var limit windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limit.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limit)), uint32(unsafe.Sizeof(limit))); err != nil {
		windows.CloseHandle(job)
		return nil, fail("SetInformationJobObject", c.ID, err)
	}
	g := &group{view: view, c: c, job: job, host: h, seen: map[uint32]sample{}}
	g.Limit(c.MemoryMB)
	h.add(g)
	return g, nil
}

// sample looks at the processes, and keeps what those had used that are gone. One after the other: a process that an older look
// shows must not come back after a newer one has seen its end.
func (g *group) sample() []process {
	g.mu.Lock()
	defer g.mu.Unlock()
	list, ok := g.host.processes(g.pids())
	if !ok {
		return nil
	}
	now := map[uint32]sample{}
	var commit uint64
	var largest process
	for _, p := range list {
		now[p.pid] = sample{p.born, p.user, p.kernel}
		commit += p.commit
		if p.commit > largest.commit {
			largest = p
		}
	}
	if limit := g.limit.Load(); limit > 0 && commit > limit {
		commit = limit // Windows commits no more
		end(largest.pid, noMemory)
	}
	for pid, s := range g.seen {
		if n, ok := now[pid]; !ok || n.born != s.born {
			g.past.User100ns += s.user
			g.past.Kernel100ns += s.kernel
		}
	}
	g.seen = now
	g.peak = max(g.peak, commit)
	return list
}

// Limit implements sim.Group. The job would refuse what passes the limit; Wine's does not (hcs-api §8.3), so the process that commits
// most is ended when a sample finds the container beyond it.
func (g *group) Limit(memoryMB uint64) { g.limit.Store(memoryMB << 20) }

// noMemory is STATUS_NO_MEMORY, with which a program ends that does not expect to be refused memory.
const noMemory = 0xC0000017

// end ends a process. One that is gone, or going, needs no end.
func end(pid uint32, code uint32) {
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, pid)
	if err == nil {
		_ = windows.TerminateProcess(h, code)
		windows.CloseHandle(h)
	}
}

// SignalAll implements sim.Group.
func (g *group) SignalAll(s schema.Signal) {
	tell := func() {
		for _, pid := range g.running() {
			_ = deliver(pid, events[s]) // one that has just ended cannot be told
		}
	}
	if !g.later(tell) {
		tell()
	}
}

// Empty implements sim.Group. A process that never began is none: see Kill.
func (g *group) Empty(stop <-chan struct{}) {
	for pause := emptyPause; ; pause = min(2*pause, emptyPauseMost) {
		left := g.running()
		if begun, ok := g.host.processes(left); ok && len(begun) == 0 {
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
	}
}

// Between two looks whether a group is empty, first and at most: a look is at all processes of the machine.
const (
	emptyPause     = 5 * time.Millisecond
	emptyPauseMost = 160 * time.Millisecond
)

// running lists the job's processes.
func (g *group) running() []uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pids()
}

// pids is running for who holds mu.
func (g *group) pids() []uint32 {
	const most = 4096
	var list struct {
		assigned, listed uint32
		ids              [most]uintptr
	}
	var n uint32
	if g.ended || windows.QueryInformationJobObject(g.job, windows.JobObjectBasicProcessIdList, uintptr(unsafe.Pointer(&list)), uint32(unsafe.Sizeof(list)), &n) != nil {
		return nil
	}
	out := make([]uint32, 0, list.listed)
	for _, id := range list.ids[:min(list.listed, most)] {
		out = append(out, uint32(id))
	}
	return out
}

// Processes implements sim.Group.
func (g *group) Processes() []schema.ProcessDetails {
	var out []schema.ProcessDetails
	for _, p := range g.sample() {
		out = append(out, schema.ProcessDetails{
			ProcessID: p.pid, ImageName: p.image, CreateTimestamp: time.Unix(0, (&windows.Filetime{LowDateTime: uint32(p.born), HighDateTime: uint32(p.born >> 32)}).Nanoseconds()),
			UserTime100ns: p.user, KernelTime100ns: p.kernel,
			MemoryCommitBytes: p.commit, MemoryWorkingSetPrivateBytes: p.private, MemoryWorkingSetSharedBytes: p.working - min(p.private, p.working),
		})
	}
	return out
}

// Usage implements sim.Group.
func (g *group) Usage() sim.Usage {
	list := g.sample()
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.past
	for _, p := range list {
		u.User100ns += p.user
		u.Kernel100ns += p.kernel
		u.CommitBytes += p.commit
		u.PrivateSet += p.private
	}
	u.PeakCommitBytes = g.peak
	return u
}

// Close implements sim.Group.
func (g *group) Close() {
	g.host.remove(g)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended = true
		windows.CloseHandle(g.job)
		if g.ice != nil {
			for _, h := range g.ice.suspended {
				windows.CloseHandle(h)
			}
		}
	}
}

// Launch implements sim.Group.
func (g *group) Launch(p *schema.ProcessParameters, s sim.Streams) (sim.Running, error) {
	r, err := g.launch(p, s)
	if err != nil {
		for _, c := range []io.Closer{s.Stdin, s.Stdout, s.Stderr} {
			if c != nil {
				_ = c.Close()
			}
		}
		return nil, err
	}
	return r, nil
}

func (g *group) launch(p *schema.ProcessParameters, s sim.Streams) (*running, error) {
	if !knownUser(p.User) {
		return nil, &hcs.Error{Op: "CreateProcess", ID: p.User, Code: hcs.ErrLogonFailure}
	}
	dir, cwd, err := g.view.directory(p.WorkingDirectory)
	if err != nil {
		return nil, err
	}
	exe, err := g.view.program(p, cwd)
	if err != nil {
		return nil, err
	}
	std, err := openStdio(p, s)
	if err != nil {
		return nil, err
	}
	h, pid, err := g.spawn(exe, p.CommandLine, dir, g.view.environment(g.c, p, cwd), std.child)
	std.closeChild()
	if err != nil {
		std.closeOwn()
		return nil, fail("CreateProcess", exe, err)
	}
	r := &running{g: g, h: h, pid: pid, std: std, done: make(chan struct{})}
	std.relay(r)
	go r.watch()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ice != nil {
		g.ice.spread(g.pids())
	}
	return r, nil
}
