package winhost

import (
	"slices"
	"sync"
	"time"
)

const (
	samplePause = 500 * time.Millisecond
	// sampleAge is how old a list of the machine's processes may be for a question about them: making one is dear on Wine, and fifty
	// containers ask at once.
	sampleAge = 50 * time.Millisecond
)

// sampler looks at the processes of all containers in turn, so that what one used is known when it has ended.
type sampler struct {
	mu     sync.Mutex
	groups map[*group]struct{}
	stop   chan struct{} // of the running loop; nil when there are no groups

	listMu sync.Mutex // held while a list is made: who asks meanwhile gets that one
	list   map[uint32]process
	made   time.Time
}

func (s *sampler) add(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups == nil {
		s.groups = map[*group]struct{}{}
	}
	s.groups[g] = struct{}{}
	if s.stop == nil {
		s.stop = make(chan struct{})
		go s.loop(s.stop)
	}
}

func (s *sampler) remove(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.groups, g)
	if len(s.groups) == 0 && s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

func (s *sampler) loop(stop chan struct{}) {
	tick := time.NewTicker(samplePause)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		var all []*group
		for g := range s.groups {
			all = append(all, g)
		}
		s.mu.Unlock()
		for _, g := range all {
			g.sample()
		}
	}
}

// processes is what the system says of some processes; those that have ended, and those that never began, are left out. It is not ok
// when the system says nothing.
func (s *sampler) processes(pids []uint32) (out []process, ok bool) {
	if len(pids) == 0 {
		return nil, true
	}
	s.listMu.Lock()
	unknown := func(pid uint32) bool { _, ok := s.list[pid]; return !ok }
	if time.Since(s.made) > sampleAge || slices.ContainsFunc(pids, unknown) {
		s.list = snapshot()
		s.made = time.Now()
	}
	all := s.list
	s.listMu.Unlock()
	for _, pid := range pids {
		if p, ok := all[pid]; ok {
			out = append(out, p)
		}
	}
	return out, all != nil
}
