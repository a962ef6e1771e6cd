package task

import (
	"fmt"
	"maps"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/limits"
)

// Snapshot is the state of all tasks at one moment. It is immutable, and may be read from any goroutine.
type Snapshot map[string]*Task

// Task is one task of a snapshot.
type Task struct {
	Place  Place
	Init   Status
	Execs  map[string]Status
	Limits limits.Plan // in force

	HitMemoryLimit bool
}

// Status is one process of a snapshot.
type Status struct {
	Key    Key
	State  State
	Pause  Pause // init only
	Detail Detail
	Pid    uint32
	Exit   Exit

	wait *waiter
	live *live
}

// Lost reports that the service was lost, and that it is not known yet whether the process still runs.
func (s Status) Lost() bool { return s.live != nil && s.live.unknown.Load() }

// Made is when a sandbox that is a record was made.
func (s Status) Made() time.Time { return s.live.since }

// Network is the namespace that a task was given, empty for none.
func (s Status) Network() string { return s.live.plan.Network.Namespace }

// waiter is shared by all snapshots of a process.
type waiter struct {
	done   chan struct{}
	exit   Exit // set before done is closed
	closed bool // the loop's own
}

// Find returns a process of a task; one whose create has not been answered does not exist yet.
func (s Snapshot) Find(k Key) (Status, error) {
	t := s[k.Task]
	if t == nil || t.Init.State == Creating {
		return Status{}, fmt.Errorf("task %s: %w", k.Task, errdefs.ErrNotFound)
	}
	if k.Exec == "" {
		return t.Init, nil
	}
	x, ok := t.Execs[k.Exec]
	if !ok {
		return Status{}, fmt.Errorf("exec %s of task %s: %w", k.Exec, k.Task, errdefs.ErrNotFound)
	}
	return x, nil
}

// view is what the loop publishes.
type view struct {
	tasks Snapshot
	past  schema.Statistics // what the containers that were deleted had used
}

// snapshot replaces some tasks in the published view.
func (p *Pod) snapshot(ids ...string) {
	old := p.now.Load()
	next, past := maps.Clone(old.tasks), old.past
	for _, id := range ids {
		c := p.machine.tasks[id]
		if c == nil {
			past = next[id].addPast(past)
			delete(next, id)
			continue
		}
		t := &Task{Place: c.place, Init: p.status(c.init), Limits: c.limits, HitMemoryLimit: c.hit, Execs: make(map[string]Status, len(c.execs))}
		t.Init.Pause = c.pause
		for k, x := range c.execs {
			t.Execs[k] = p.status(x)
		}
		next[id] = t
	}
	p.now.Store(&view{tasks: next, past: past})
}

// addPast adds what a container used until its end. Memory it has none any more.
func (t *Task) addPast(past schema.Statistics) schema.Statistics {
	if t == nil || t.Init.live == nil {
		return past
	}
	used := t.Init.live.usage.kept()
	if used == nil {
		return past
	}
	sum := noUse(used.Timestamp)
	sum.Add(&past)
	sum.Add(&schema.Statistics{Processor: used.Processor, Storage: used.Storage})
	return sum
}

func (p *Pod) status(x *process) Status {
	w := p.waits[x.key]
	if w == nil {
		w = &waiter{done: make(chan struct{})}
		p.waits[x.key] = w
	}
	return Status{Key: x.key, State: x.state, Detail: x.detail, Pid: x.pid, Exit: x.exit, wait: w, live: p.lives[x.key]}
}
