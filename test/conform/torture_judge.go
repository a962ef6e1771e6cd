package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	apievents "github.com/containerd/containerd/api/events"
)

// lateBound is how long an event may be in the queue of a containerd that is being killed: it was taken from the shim and reaches no
// subscriber.
const lateBound = 2 * time.Second

// account is what is known of one life, beside its events.
type account struct {
	shimKilled bool // the events of its end are containerd's
	outages    []outage
	did        map[string]bool
	exited     time.Time // of init, zero when no call told it
}

// judge waits until the life's events are complete.
func (x *torture) judge(l *liver, peace bool) []finding {
	var found []finding
	x.t.Until(settleBound, func() bool {
		found = nil
		x.mu.Lock()
		a := account{shimKilled: x.killed[l.id], outages: x.outages, did: l.did, exited: l.exited}
		x.mu.Unlock()
		for _, s := range wrongEvents(x.ev.of(l.id), a) {
			found = append(found, finding{"event lost or out of order", l.id + ": " + s})
		}
		return len(found) == 0
	})
	if peace { // nothing has gone wrong, so nothing may
		_, ended := l.code[""]
		for _, e := range l.errs {
			// But for a kill of what has just ended, and for what was asked of a task that had.
			late := ended && !strings.HasPrefix(e, "container") && !strings.HasPrefix(e, "create") && !strings.HasPrefix(e, "start:") && !strings.HasPrefix(e, "delete:")
			if !late && !strings.Contains(e, "not found") {
				found = append(found, finding{"error without a reason", l.id + ": " + e})
			}
		}
		if c, told := l.code[""]; told && l.plan.program.ends && l.plan.signal == 0 && c != l.plan.program.code {
			found = append(found, finding{"wrong exit status", fmt.Sprintf("%s: %d, want %d", l.id, c, l.plan.program.code)})
		}
	}
	return found
}

// wrongEvents says what is wrong with the events of one life.
//
// Always: no event comes twice, nothing comes before create or after delete, an exec's exit comes before its task's, a start before the
// exit. What has started has an exit, and what a client was told to be done has its event. containerd itself tells the end of a task
// whose shim was killed: exit and delete, without regard to what the shim had told. A containerd that is killed takes along what it
// had not passed on; and what it had passed on without confirming comes again.
func wrongEvents(evs []event, a account) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if len(a.outages) > 0 {
		evs = withoutRepeats(evs)
	}
	lost := func(at time.Time) bool { // whether an event of that time may have gone with a containerd
		return slices.ContainsFunc(a.outages, func(o outage) bool {
			return at.IsZero() || at.After(o.from.Add(-lateBound)) && at.Before(o.to)
		})
	}
	at := map[string]int{}           // by name, the place of the first
	exited := map[string]time.Time{} // the exec, or init
	for i, e := range evs {
		n := e.name()
		first, twice := at[n]
		switch {
		case !twice:
			at[n] = i
		case a.shimKilled && e.exec == "" && (e.topic == "exit" || e.topic == "delete"):
		default:
			say("%s comes twice, as number %d and %d", n, first+1, i+1)
		}
		if v, ok := e.body.(*apievents.TaskDelete); ok { // it tells the time of the exit too
			exited[e.exec] = v.ExitedAt.AsTime()
		}
	}
	before := func(x, y string) {
		i, xs := at[x]
		j, ys := at[y]
		if xs && ys && i > j {
			say("%s comes before %s", y, x)
		}
	}
	for n := range at {
		if n != "create" {
			before("create", n)
		}
		if n != "delete" && !a.shimKilled {
			before(n, "delete")
		}
		exec, isExec := strings.CutPrefix(n, "exec-started ")
		if n != "start" && !isExec {
			continue
		}
		exit := "exit"
		if isExec {
			before("start", n)
			before("exec-added "+exec, n)
			exit += " " + exec
			if !a.shimKilled {
				before(exit, "exit")
			}
		}
		before(n, exit)
		when, ok := exited[exec]
		if !isExec || !ok {
			when = a.exited
		}
		if _, ok := at[exit]; !ok && !a.shimKilled && !lost(when) {
			say("%s and no %s", n, exit)
		}
	}
	for call, n := range map[string]string{"create": "create", "start": "start", "delete": "delete"} {
		if _, ok := at[n]; a.did[call] && !ok && !a.shimKilled && !lost(time.Time{}) {
			say("%s was answered and is not told", call)
		}
	}
	slices.Sort(wrong)
	return wrong
}

// name tells the events of one life apart.
func (e event) name() string {
	if e.exec == "" {
		return e.topic
	}
	return e.topic + " " + e.exec
}

// withoutRepeats leaves out what is the same event again, by the time it was made.
func withoutRepeats(evs []event) []event {
	var out []event
	for _, e := range evs {
		if !slices.ContainsFunc(out, func(o event) bool { return o.name() == e.name() && o.at.Equal(e.at) }) {
			out = append(out, e)
		}
	}
	return out
}

func words(evs []event) string {
	var w []string
	for _, e := range evs {
		w = append(w, e.name())
	}
	return strings.Join(w, ", ")
}
