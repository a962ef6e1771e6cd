package fault

import (
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
)

// Set is the rules in force. The zero value is empty and ready; it may be used from any goroutine.
type Set struct {
	mu      sync.Mutex
	rules   []*counted
	cleared chan struct{} // closed by Clear; made with the first rule
}

type counted struct {
	Rule
	seen int // matching calls
}

// Add puts rules in force, after those that are, and returns how many there are now.
func (s *Set) Add(rules ...Rule) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rules {
		s.rules = append(s.rules, &counted{Rule: r})
	}
	if s.cleared == nil {
		s.cleared = make(chan struct{})
	}
	return len(s.rules)
}

// Clear removes all rules and lets the calls that hang go on.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
	if s.cleared != nil {
		close(s.cleared)
		s.cleared = nil
	}
}

// Rules are those in force, in their order.
func (s *Set) Rules() []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Rule, len(s.rules))
	for i, r := range s.rules {
		list[i] = r.Rule
	}
	return list
}

// Met is how many calls each rule has decided over, in their order.
func (s *Set) Met() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]int, len(s.rules))
	for i, r := range s.rules {
		list[i] = max(0, r.seen-r.Skip)
	}
	return list
}

// Action is what the rules want of one call.
type Action struct {
	Rule    string // the rule, empty when none applies
	Delay   time.Duration
	Kind    Kind
	Code    hcs.Code
	cleared <-chan struct{}
}

// Match counts a call and returns what is to become of it.
func (s *Set) Match(call Call, id string) Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.Times > 0 && r.seen >= r.Skip+r.Times || !r.applies(call, id) {
			continue
		}
		if r.seen++; r.seen > r.Skip {
			return Action{Rule: r.String(), Delay: r.Delay, Kind: r.Kind, Code: r.Code, cleared: s.cleared}
		}
	}
	return Action{}
}

// Hold waits out the delay and the hang. It reports false when done was closed first: the call is then not to be made.
func (a Action) Hold(done <-chan struct{}) bool {
	if a.Delay > 0 {
		t := time.NewTimer(a.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-done:
			return false
		}
	}
	if a.Kind == Hang {
		select {
		case <-a.cleared:
		case <-done:
			return false
		}
	}
	return true
}
