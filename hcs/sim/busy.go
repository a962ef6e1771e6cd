package sim

import (
	"slices"
	"time"

	"containerd-shim-hcs/hcs"
)

// Busy is a machine on which the making of containers takes time, and fails when too many are made at once: PrepareLayer was seen to
// answer 0x15 then, and 50 parallel attaches to fail (user-needs N11). That the other calls of a create do the same is assumed.
type Busy struct {
	Takes time.Duration // each of the calls
	Most  int           // at a time; 0 for any number
}

// making are the calls that Busy is about.
var making = []string{"ActivateLayer", "PrepareLayer", "HcsCreateComputeSystem"}

// pace makes a call take its time, and fail if too many are under way when it begins.
func (s *Service) pace(op string) error {
	if s.busy == (Busy{}) || !slices.Contains(making, op) {
		return nil
	}
	s.mu.Lock()
	s.making++
	n := s.making
	s.mu.Unlock()
	time.Sleep(s.busy.Takes)
	s.mu.Lock()
	s.making--
	s.mu.Unlock()
	if s.busy.Most > 0 && n > s.busy.Most {
		return refuse(hcs.ErrNotReady, "%d containers are made at once", n)
	}
	return nil
}
