package sim

import (
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// system is one compute system: Created → Running → Stopped. A stopped one exists as long as a handle on it is open (§3).
// All fields are guarded by Service.mu, except where said.
type system struct {
	id, runtimeID string
	doc           *schema.ComputeSystem // what was asked for; Modify changes it
	state         schema.State
	created       time.Time
	started       time.Time
	exitedAt      time.Time
	exit          schema.SystemExitStatus
	layer         *layer  // in use until the system has stopped
	namespace     *object // nil when the document named none
	refs          map[*systemRef]struct{}
	live          map[uint32]*process

	starting bool
	closing  bool          // Shutdown was taken: no new work
	ending   bool          // end has begun
	how      systemExit    // why, once ending
	forced   chan struct{} // closed when ending begins: a shutdown stops waiting
	gone     chan struct{} // closed when the system has stopped

	// work counts the launcher's calls in flight; it grows only under mu while !ending.
	work  sync.WaitGroup
	group Group // set by start

	affinity []schema.GroupAffinity // of the silo's job; nil for all processors
	frozen   bool                   // the silo's job
}

// systemRef is one handle on a system.
type systemRef struct {
	sys   *system
	watch func(schema.SystemExitStatus, error)
	told  bool
	// turn serialises signals and process terminations of this handle (§4).
	turn chan struct{}
}

func (s *Service) newSystemRef(sys *system) *systemRef {
	r := &systemRef{sys: sys, turn: make(chan struct{}, 1)}
	sys.refs[r] = struct{}{}
	return r
}

// drop closes the handle; with the last one a stopped system vanishes, and a live one ends if its document says so (§3).
func (r *systemRef) drop(s *Service) {
	sys := r.sys
	delete(sys.refs, r)
	switch {
	case len(sys.refs) > 0:
	case sys.state == schema.StateStopped:
		s.forget(sys)
	case sys.doc.ShouldTerminateOnLastHandleClosed:
		s.end(sys, exitForced)
	}
}

func (r *systemRef) lose() {
	if r.watch != nil && !r.told {
		r.told = true
		r.watch(schema.SystemExitStatus{}, hcs.ErrServiceDisconnect)
	}
}

// tell delivers the exit, once per handle, also to one that registers after it.
func (r *systemRef) tell() {
	if r.watch != nil && !r.told && r.sys.state == schema.StateStopped {
		r.told = true
		r.watch(r.sys.exit, nil)
	}
}

// forget removes a stopped system without handles.
func (s *Service) forget(sys *system) {
	if s.systems[systemKey(sys.id)] == sys {
		delete(s.systems, systemKey(sys.id))
	}
}

// systemKey makes ids comparable: they are not case sensitive (assumed).
func systemKey(id string) string { return strings.ToLower(id) }

// CreateComputeSystem makes a system in state Created.
func (c *Client) CreateComputeSystem(h Handle, id, document string) error {
	return c.make("HcsCreateComputeSystem", id, h, func() (any, error) {
		s := c.svc
		doc, err := s.readDocument(id, document)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.systems[systemKey(id)] != nil {
			return nil, refuse(hcs.ErrSystemAlreadyExists, "%s exists", id)
		}
		l, err := s.rootOf(doc.Container.Storage)
		if err != nil {
			return nil, err
		}
		ns, err := s.networkOf(doc.Container.Networking)
		if err != nil {
			return nil, err
		}
		sys := &system{
			id: id, runtimeID: s.newGUID("system"), doc: doc, state: schema.StateCreated, created: time.Now(),
			layer: l, namespace: ns, refs: map[*systemRef]struct{}{}, live: map[uint32]*process{},
			forced: make(chan struct{}), gone: make(chan struct{}),
		}
		l.user = sys
		s.systems[systemKey(id)] = sys
		return s.newSystemRef(sys), nil
	})
}

// OpenComputeSystem makes another handle on a system, also on a stopped one that still has a handle.
func (c *Client) OpenComputeSystem(h Handle, id string) error {
	return c.make("HcsOpenComputeSystem", id, h, func() (any, error) {
		s := c.svc
		s.mu.Lock()
		defer s.mu.Unlock()
		sys := s.systems[systemKey(id)]
		if sys == nil {
			return nil, refuse(hcs.ErrSystemNotFound, "%s does not exist", id)
		}
		return s.newSystemRef(sys), nil
	})
}

// CloseComputeSystem closes a handle. No event comes for it afterwards.
func (c *Client) CloseComputeSystem(h Handle) error {
	return c.do("HcsCloseComputeSystem", c.NameOf(h), func() error { return closeHandle[*systemRef](c, h) })
}

// WatchSystem registers what is told, once, how the system ended, or that the service was lost. An exit that has happened is told
// at once. A second registration is refused (§1.2).
func (c *Client) WatchSystem(h Handle, f func(schema.SystemExitStatus, error)) error {
	return c.onSystem("HcsWatchComputeSystem", h, func(r *systemRef) error {
		if r.watch != nil {
			return refuse(hcs.ErrCallbackAlreadySet, "the handle has a callback")
		}
		r.watch = f
		r.tell()
		return nil
	})
}

// onSystem runs a call on a system under the lock.
func (c *Client) onSystem(op string, h Handle, f func(*systemRef) error) error {
	return c.do(op, c.NameOf(h), func() error {
		r, err := use[*systemRef](c, h)
		if err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		return f(r)
	})
}

// StartComputeSystem runs a created system. A system that is terminated meanwhile is ErrTerminatedDuringStart.
func (c *Client) StartComputeSystem(h Handle, options string) error {
	return c.do("HcsStartComputeSystem", c.NameOf(h), func() error {
		r, err := use[*systemRef](c, h)
		if err != nil {
			return err
		}
		if err := checkOptions(options); err != nil {
			return err
		}
		s, sys := c.svc, r.sys
		s.mu.Lock()
		if err := sys.mayStart(s); err != nil {
			s.mu.Unlock()
			return err
		}
		sys.starting = true
		sys.work.Add(1)
		desc := s.describe(sys)
		s.mu.Unlock()

		group, err := s.launcher.Open(desc)

		s.mu.Lock()
		defer s.mu.Unlock()
		defer sys.work.Done()
		sys.starting = false
		if err != nil {
			return err
		}
		sys.group = group // end kills and closes it
		sys.limit()       // a change that came while the launcher opened it
		sys.freeze()
		if sys.ending {
			return refuse(hcs.ErrTerminatedDuringStart, "terminated while starting")
		}
		sys.state, sys.started = schema.StateRunning, time.Now()
		return nil
	})
}

// limit tells the launcher the memory limit. The caller holds mu.
func (sys *system) limit() {
	if m := sys.doc.Container.Memory; m != nil && sys.group != nil {
		sys.group.Limit(m.SizeInMB)
	}
}

func (sys *system) mayStart(s *Service) error {
	switch {
	case sys.state == schema.StateStopped:
		return refuse(hcs.ErrSystemAlreadyStopped, "%s has stopped", sys.id)
	case sys.state != schema.StateCreated || sys.starting || sys.ending:
		return refuse(hcs.ErrInvalidState, "%s is %s", sys.id, sys.state)
	case sys.namespace != nil && sys.namespace.deleted: // the silo joins the compartment now (§7.3)
		return refuse(hcs.ErrElementNotFound, "namespace %s does not exist", sys.namespace.id)
	}
	return nil
}

// describe is the part of a system that a launcher needs. The caller holds mu.
func (s *Service) describe(sys *system) Container {
	c := sys.doc.Container
	d := Container{ID: sys.id, Address: s.addressOf(sys), Volume: c.Storage.Path, Mounts: c.MappedDirectories, Pipes: c.MappedPipes}
	if c.GuestOS != nil {
		d.HostName = c.GuestOS.HostName
	}
	if sys.namespace != nil {
		d.Namespace = sys.namespace.id
	}
	if c.Memory != nil {
		d.MemoryMB = c.Memory.SizeInMB
	}
	return d
}

// PauseComputeSystem and its like exist for virtual machines only; which code HCS gives for a silo is assumed. verb is Pause,
// Resume, Save or Crash.
func (c *Client) vmOnly(verb string, h Handle) error {
	return c.onSystem("Hcs"+verb+"ComputeSystem", h, func(r *systemRef) error {
		if r.sys.state == schema.StateStopped {
			return refuse(hcs.ErrSystemAlreadyStopped, "%s has stopped", r.sys.id)
		}
		return refuse(hcs.ErrNotSupported, "a process-isolated container cannot do that")
	})
}

// PauseComputeSystem is refused: see vmOnly.
func (c *Client) PauseComputeSystem(h Handle, _ string) error { return c.vmOnly("Pause", h) }

// ResumeComputeSystem is refused: see vmOnly.
func (c *Client) ResumeComputeSystem(h Handle, _ string) error { return c.vmOnly("Resume", h) }

// SaveComputeSystem is refused: see vmOnly.
func (c *Client) SaveComputeSystem(h Handle, _ string) error { return c.vmOnly("Save", h) }

// CrashComputeSystem is refused: see vmOnly.
func (c *Client) CrashComputeSystem(h Handle, _ string) error { return c.vmOnly("Crash", h) }
