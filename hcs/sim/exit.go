package sim

import (
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// TerminatedExitCode is the exit code of a process that the service ends: by HcsTerminateProcess, or because its system ends.
// Assumed: no source shows what HCS passes to TerminateProcess (§4).
const TerminatedExitCode = 0xffffffff

// systemExit is a way in which a system ends.
type systemExit = schema.SystemExitStatus

// How systems end. Only the shape of a graceful exit and the status of an unexpected one have a source (§3, §1.1); that a forced
// exit has status 0 is assumed.
var (
	exitGraceful   = systemExit{ExitType: schema.ExitGraceful}
	exitForced     = systemExit{ExitType: schema.ExitForced}
	exitUnexpected = systemExit{Status: statusOf(hcs.ErrUnexpectedExit), ExitType: schema.ExitUnexpected}
)

// statusOf is a code as the signed number that documents carry.
func statusOf(c hcs.Code) int32 { return int32(c) } //nolint:gosec // the bits are the point

// ShutdownComputeSystem asks a running system to stop and returns when the request is taken. Every process gets CtrlShutdown, also those
// that the service did not start; when all have ended, or the container's patience has, the rest is killed and the system has exited
// gracefully. The processes' part in it is assumed. A system that was never started refuses with ErrInvalidState (§3).
func (c *Client) ShutdownComputeSystem(h Handle, options string) error {
	if err := checkOptions(options); err != nil {
		return c.do("HcsShutDownComputeSystem", c.NameOf(h), func() error { return err })
	}
	return c.onSystem("HcsShutDownComputeSystem", h, func(r *systemRef) error {
		s, sys := c.svc, r.sys
		switch {
		case sys.state == schema.StateStopped:
			return refuse(hcs.ErrSystemAlreadyStopped, "%s has stopped", sys.id)
		case sys.state != schema.StateRunning:
			return refuse(hcs.ErrInvalidState, "%s is %s", sys.id, sys.state)
		case sys.closing || sys.ending: // asked before: the same exit serves both (assumed)
			return nil
		}
		sys.closing = true
		s.spawn(func() { s.shutdown(sys) })
		return nil
	})
}

func (s *Service) shutdown(sys *system) {
	sys.work.Wait() // launches in flight become processes first; no new ones begin
	s.mu.Lock()
	group := sys.group
	patience := shutdownPatience(sys.doc.Container)
	s.mu.Unlock()
	group.SignalAll(schema.CtrlShutdown)
	enough := make(chan struct{})
	empty := make(chan struct{})
	go func() { group.Empty(enough); close(empty) }()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-empty:
	case <-t.C:
	case <-sys.forced:
	}
	close(enough)
	<-empty
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(sys, exitGraceful) // unless it was forced
}

// TerminateComputeSystem ends a system at once, started or not, and returns when the request is taken.
func (c *Client) TerminateComputeSystem(h Handle, options string) error {
	if err := checkOptions(options); err != nil {
		return c.do("HcsTerminateComputeSystem", c.NameOf(h), func() error { return err })
	}
	return c.onSystem("HcsTerminateComputeSystem", h, func(r *systemRef) error {
		if r.sys.state == schema.StateStopped {
			return refuse(hcs.ErrSystemAlreadyStopped, "%s has stopped", r.sys.id)
		}
		c.svc.end(r.sys, exitForced)
		return nil
	})
}

// Break makes a system end by itself, as when its silo dies. It reports whether there was such a system.
func (s *Service) Break(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sys := s.systems[systemKey(id)]
	if sys == nil || sys.state == schema.StateStopped {
		return false
	}
	s.end(sys, exitUnexpected)
	return true
}

// end begins the end of a system; the first reason counts. The caller holds mu.
func (s *Service) end(sys *system, how systemExit) {
	if sys.ending || sys.state == schema.StateStopped {
		return
	}
	sys.ending, sys.how = true, how
	close(sys.forced)
	// Not through spawn: the end of the service waits for this too.
	s.work.Go(func() { s.finish(sys) })
}

// finish kills what runs, and makes the system Stopped. The exits of its processes are told before its own.
func (s *Service) finish(sys *system) {
	sys.work.Wait() // a start or launch in flight notices ending, and its processes are killed here
	s.mu.Lock()
	group := sys.group
	s.mu.Unlock()
	if group != nil {
		group.Kill(TerminatedExitCode)
		for _, p := range s.liveProcesses(sys) {
			<-p.done
		}
		group.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sys.state, sys.exit, sys.exitedAt = schema.StateStopped, sys.how, time.Now()
	if sys.layer.user == sys {
		sys.layer.user = nil
	}
	for r := range sys.refs {
		r.tell()
	}
	if len(sys.refs) == 0 {
		s.forget(sys)
	}
	close(sys.gone)
}

func (s *Service) liveProcesses(sys *system) []*process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*process
	for _, p := range sys.live {
		list = append(list, p)
	}
	return list
}
