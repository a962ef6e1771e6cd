package sim

import (
	"slices"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// OpenSilo answers NtOpenJobObject for the job object of a system's silo, \Container_ID (peer-runhcs §6.1). It is there from the create
// of the system to its end (assumed), and no handle of the model's.
func (c *Client) OpenSilo(id string) error {
	return c.do("NtOpenJobObject", id, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		_, err := c.svc.silo(id)
		return err
	})
}

// SetSiloAffinity answers NtSetInformationJobObject with JobObjectGroupInformationEx: the processors on which the processes of the
// system may run. The model remembers them; nothing is bound to a processor.
func (c *Client) SetSiloAffinity(id string, groups []schema.GroupAffinity) error {
	return c.do("NtSetInformationJobObject", id, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		sys, err := c.svc.silo(id)
		if err != nil {
			return err
		}
		if err := c.svc.checkAffinity(groups); err != nil {
			return err
		}
		sys.affinity = slices.Clone(groups)
		return nil
	})
}

// FreezeSilo answers NtSetInformationJobObject with JobObjectFreezeInformation: no thread of the job's processes runs until it is asked
// again. The class has no documentation; what it does is known from the suspended state of packaged applications, which it makes.
// That a frozen process can be terminated is seen there too. That the silo of a container can be frozen is assumed.
func (c *Client) FreezeSilo(id string, frozen bool) error {
	return c.do("NtSetInformationJobObject", id, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		sys, err := c.svc.silo(id)
		if err != nil {
			return err
		}
		sys.frozen = frozen
		sys.freeze()
		return nil
	})
}

// freeze tells the launcher whether the processes run. The caller holds mu.
func (sys *system) freeze() {
	if sys.group != nil {
		sys.group.Freeze(sys.frozen)
	}
}

// silo is the system that has one. The caller holds mu.
func (s *Service) silo(id string) (*system, error) {
	sys := s.systems[systemKey(id)]
	if sys == nil || sys.state == schema.StateStopped {
		return nil, refuse(hcs.ErrFileNotFound, "no job object of %s", id)
	}
	return sys, nil
}

// spanningBuild is the first build on which a job may have processors of several groups ("Processor Groups", Windows Server 2022).
const spanningBuild = 20348

// groupSize is the most processors of a processor group.
const groupSize = 64

// checkAffinity demands what the call does: processors that there are, each group once.
func (s *Service) checkAffinity(groups []schema.GroupAffinity) error {
	if len(groups) == 0 {
		return refuse(hcs.ErrInvalidArgument, "no processor group")
	}
	if len(groups) > 1 && s.facts.Build < spanningBuild {
		return refuse(hcs.ErrInvalidArgument, "several processor groups on build %d", s.facts.Build)
	}
	seen := map[uint16]bool{}
	for _, g := range groups {
		var there uint64
		if int(g.Group) < len(s.facts.Groups) {
			there = ^uint64(0) >> (groupSize - s.facts.Groups[g.Group])
		}
		if seen[g.Group] || g.Mask == 0 || g.Mask&^there != 0 {
			return refuse(hcs.ErrInvalidArgument, "processors %#x of group %d", g.Mask, g.Group)
		}
		seen[g.Group] = true
	}
	return nil
}
