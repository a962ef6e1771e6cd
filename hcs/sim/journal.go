package sim

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
)

// Entry is one call of the service. It is written when the call begins and completed when it ends.
type Entry struct {
	At      time.Duration // since the service started
	Client  string
	Op, ID  string
	Outcome string // "pending", "ok", a code, or what a fault did
}

func (e Entry) String() string {
	return fmt.Sprintf("%9.3f %s %s %s: %s", e.At.Seconds(), e.Client, e.Op, e.ID, e.Outcome)
}

type journal struct {
	since   time.Time
	mu      sync.Mutex
	entries []*Entry
	tell    func(Entry)
}

type openEntry struct {
	j *journal
	e *Entry
}

func (j *journal) begin(client, op, id string) openEntry {
	e := &Entry{At: time.Since(j.since), Client: client, Op: op, ID: id, Outcome: "pending"}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	return openEntry{j, e}
}

func (o openEntry) end(err error) {
	outcome := "ok"
	if err != nil {
		outcome = fmt.Sprintf("0x%08x", uint32(hcs.CodeOf(err)))
		if e := (*hcs.Error)(nil); errors.As(err, &e) && e.Message != "" {
			outcome += " " + e.Message
		}
	}
	o.set(outcome)
}

func (o openEntry) set(outcome string) {
	o.j.mu.Lock()
	o.e.Outcome = outcome
	e, tell := *o.e, o.j.tell
	o.j.mu.Unlock()
	if tell != nil {
		tell(e)
	}
}

// Journal is every call since the start or the last ResetJournal, in the order in which they began.
func (s *Service) Journal() []Entry {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	list := make([]Entry, len(s.journal.entries))
	for i, e := range s.journal.entries {
		list[i] = *e
	}
	return list
}

// ResetJournal forgets the calls so far.
func (s *Service) ResetJournal() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.entries = nil
}

// Note records what happened to a call that did not reach the model, or whose answer was changed on the way: a fault.
func (c *Client) Note(op, id, outcome string) {
	c.svc.journal.begin(c.name, op, id).set(outcome)
}

// OnEntry registers what is told of each completed entry, in the order of completion.
func (s *Service) OnEntry(f func(Entry)) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.tell = f
}
