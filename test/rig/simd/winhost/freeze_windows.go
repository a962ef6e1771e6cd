package winhost

import "golang.org/x/sys/windows"

var (
	ntdll          = windows.NewLazySystemDLL("ntdll.dll")
	suspendProcess = ntdll.NewProc("NtSuspendProcess")
	resumeProcess  = ntdll.NewProc("NtResumeProcess")
)

// ice is what a frozen group keeps: the processes that it has suspended, and what waits for them.
type ice struct {
	suspended map[uint32]windows.Handle
	pending   []func()
}

// Freeze implements sim.Group. Wine's job objects cannot be frozen, so each process is suspended.
func (g *group) Freeze(frozen bool) {
	g.mu.Lock()
	old := g.ice
	switch {
	case frozen && old == nil:
		g.ice = &ice{suspended: map[uint32]windows.Handle{}}
		for g.ice.spread(g.pids()) { // again for what one of them has just started
		}
	case !frozen && old != nil:
		g.ice = nil
	}
	g.mu.Unlock()
	if frozen || old == nil {
		return
	}
	for _, h := range old.suspended {
		_, _, _ = resumeProcess.Call(uintptr(h)) // one that has been ended meanwhile needs none
		windows.CloseHandle(h)
	}
	for _, f := range old.pending {
		f()
	}
}

// spread suspends the processes that are not yet, and reports whether there were any.
func (i *ice) spread(pids []uint32) bool {
	more := false
	for _, pid := range pids {
		if _, ok := i.suspended[pid]; ok {
			continue
		}
		h, err := windows.OpenProcess(windows.PROCESS_SUSPEND_RESUME, false, pid)
		if err != nil {
			continue // it has just ended
		}
		_, _, _ = suspendProcess.Call(uintptr(h))
		i.suspended[pid], more = h, true
	}
	return more
}

// later puts off what a frozen group cannot take: Wine would run a new thread of a suspended process. It reports whether it did.
func (g *group) later(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ice == nil {
		return false
	}
	g.ice.pending = append(g.ice.pending, f)
	return true
}
