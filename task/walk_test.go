package task

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"containerd-shim-hcs/task/limits"
)

var (
	walkSteps = flag.Int("walk.steps", 200_000, "events of the random walk, all seeds together")
	walkSeed  = flag.Uint64("walk.seed", 0, "walk this seed only")
)

// TestWalk drives the machine with random requests and answers, and holds every event it publishes against the contract.
func TestWalk(t *testing.T) {
	const perSeed = 2000
	if *walkSeed != 0 {
		newWalk(t, *walkSeed).run(perSeed)
		return
	}
	for seed := uint64(1); seed <= uint64(*walkSteps/perSeed); seed++ {
		newWalk(t, seed).run(perSeed)
		if t.Failed() {
			return
		}
	}
}

type walk struct {
	t        *testing.T
	seed     uint64
	rng      *rand.Rand
	m        *Machine
	now      time.Time
	call     Call
	open     map[Call]Event // requests without an answer
	left     map[Call]bool  // those that nobody waits for any longer
	pending  []Effect       // procedures without an answer
	alive    map[Key]bool   // processes that run
	history  map[Key][]Kind
	done     map[Key]bool // waiters were released
	calm     bool         // no more failures
	updating map[string]bool
	frozen   map[string]bool
}

func newWalk(t *testing.T, seed uint64) *walk {
	return &walk{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), m: NewMachine(), now: time.Unix(1, 0),
		open: map[Call]Event{}, left: map[Call]bool{}, alive: map[Key]bool{}, history: map[Key][]Kind{}, done: map[Key]bool{},
		updating: map[string]bool{}, frozen: map[string]bool{},
	}
}

func (w *walk) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d: %s", w.seed, fmt.Sprintf(format, args...))
}

func (w *walk) run(steps int) {
	for range steps {
		if len(w.pending) > 0 && w.rng.IntN(2) == 0 {
			w.answer()
		} else {
			w.ask()
		}
		if w.t.Failed() {
			return
		}
	}
	w.finish()
}

// finish ends everything without failures: nothing may be left.
func (w *walk) finish() {
	w.calm = true
	for len(w.pending) > 0 {
		w.answer()
	}
	for id, c := range w.m.tasks {
		switch {
		case c.init.state != Running:
			delete(w.frozen, id) // letting it run on may have failed: a container without progress is terminated
		case w.frozen[id] != (c.pause == Paused):
			w.failf("task %s is %s, and frozen is %t", id, c.pause, w.frozen[id])
		}
	}
	for id, c := range w.m.tasks { // the end of init must take everything else with it, and that of a sandbox its pod
		if s := w.m.tasks[c.place.Sandbox]; s != nil && s != c && s.init.state != Created {
			continue
		}
		if c.init.state == Running {
			last := Key{Task: id, Exec: "last"} // still being started when init goes
			w.request(func(c Call) Event { return AskExec{Call: c, Key: last} })
			w.request(func(c Call) Event { return AskStart{Call: c, Key: last} })
			w.request(func(c Call) Event { return AskPause{Call: c, ID: id, Pause: true} })
			for w.rng.IntN(2) == 0 && len(w.pending) > 0 {
				w.answer()
			}
			w.request(func(c Call) Event { return AskKill{Call: c, Key: Key{Task: id}, Number: sigKill} })
		}
	}
	for len(w.pending) > 0 {
		w.answer()
	}
	for id, c := range w.m.tasks {
		if w.frozen[id] {
			w.failf("task %s ends up frozen", id)
		}
		if s := c.init.state; s != Stopped && (s != Created || places[id].Sandbox != "" && places[id].Sandbox != id) {
			w.failf("task %s ends up %s", id, s)
		}
		w.request(func(c Call) Event { return AskDelete{Call: c, Key: Key{Task: id}} })
		for len(w.pending) > 0 {
			w.answer()
		}
	}
	if n := len(w.m.tasks); n > 0 {
		w.failf("%d tasks are left", n)
	}
	for c, e := range w.open {
		w.failf("request %d %#v was never answered", c, e)
	}
}

// places of the walk's tasks: one on its own, and a pod with its sandbox.
var places = map[string]Place{"a": {}, "p": {Sandbox: "p"}, "m": {Sandbox: "p"}, "n": {Sandbox: "p"}}

func (w *walk) key() Key {
	k := Key{Task: []string{"a", "p", "m", "n"}[w.rng.IntN(4)]}
	if w.rng.IntN(2) == 0 {
		k.Exec = []string{"x", "y", "z"}[w.rng.IntN(3)]
	}
	return k
}

func (w *walk) ask() {
	k := w.key()
	switch w.rng.IntN(14) {
	case 0:
		w.request(func(c Call) Event { return AskCreate{Call: c, ID: k.Task, Place: places[k.Task]} })
	case 1, 2:
		w.request(func(c Call) Event { return AskStart{Call: c, Key: k} })
	case 3, 4:
		w.request(func(c Call) Event { return AskExec{Call: c, Key: k} })
	case 5, 6:
		number := []uint32{0, 9, 15}[w.rng.IntN(3)]
		w.request(func(c Call) Event { return AskKill{Call: c, Key: k, Number: number, All: w.rng.IntN(3) == 0} })
	case 7:
		w.request(func(c Call) Event { return AskDelete{Call: c, Key: k} })
	case 8:
		w.request(func(c Call) Event { return AskResize{Call: c, Key: k, Size: Size{80, 25}} })
		w.request(func(c Call) Event { return AskCloseInput{Call: c, Key: k} })
	case 9:
		w.request(func(c Call) Event { return AskUpdate{Call: c, ID: k.Task} })
	case 10:
		w.step(HasHitLimit{k.Task})
	case 12:
		w.request(func(c Call) Event { return AskPause{Call: c, ID: k.Task, Pause: w.rng.IntN(2) == 0} })
	case 11:
		if len(w.alive) > 0 {
			w.exit(w.anyAlive())
		}
	case 13:
		w.leave()
	}
}

// leave has all clients go that wait for a delete, as the end of their connection does.
func (w *walk) leave() {
	for _, c := range slices.Sorted(maps.Keys(w.open)) {
		if e, ok := w.open[c].(AskDelete); ok && !w.left[c] {
			w.left[c] = true
			w.step(HasLeft{ID: e.Key.Task, Call: c})
		}
	}
}

func (w *walk) anyAlive() Key {
	keys := make([]Key, 0, len(w.alive))
	for k := range w.alive {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int { return slices.Compare([]string{a.Task, a.Exec}, []string{b.Task, b.Exec}) })
	return keys[w.rng.IntN(len(keys))]
}

func (w *walk) exit(k Key) {
	delete(w.alive, k)
	w.step(HasExited{Key: k, Exit: Exit{Code: 7, At: w.now}})
}

func (w *walk) request(build func(Call) Event) {
	w.call++
	e := build(w.call)
	w.open[w.call] = e
	w.step(e)
}

// answer ends one procedure, any of those under way.
func (w *walk) answer() {
	i := w.rng.IntN(len(w.pending))
	f := w.pending[i]
	if _, ok := f.(DoPause); ok && !w.calm && w.rng.IntN(32) > 0 {
		return // it takes its time, so that everything else can happen meanwhile
	}
	w.pending = slices.Delete(w.pending, i, i+1)
	var err error
	if !w.calm && w.rng.IntN(8) == 0 {
		err = errors.New("boom")
	}
	switch f := f.(type) {
	case DoCreate:
		w.step(HasCreated{Call: f.Call, ID: f.ID, Err: err})
	case DoPause:
		if err == nil {
			w.frozen[f.ID] = f.Pause
		}
		w.step(HasPaused{Call: f.Call, ID: f.ID, Pause: f.Pause, Err: err})
	case DoUpdate:
		delete(w.updating, f.ID)
		w.step(HasUpdated{Call: f.Call, ID: f.ID, Limits: limits.Plan{MemoryMB: uint64(f.Call)}, Err: err})
	case DoStart:
		if err == nil {
			w.alive[f.Key] = true
		}
		w.step(HasStarted{Call: f.Call, Key: f.Key, Pid: 42, Err: err})
	case DoSignal:
		w.step(HasAnswered{f.Key, Reply{Call: f.Call, Err: err}})
	case DoKill:
		if f.Call != 0 {
			w.step(HasAnswered{f.Key, Reply{Call: f.Call, Err: err}})
		}
		if w.alive[f.Key] {
			w.exit(f.Key)
		}
	case DoResize:
		if f.Call != 0 {
			w.step(HasAnswered{f.Key, Reply{Call: f.Call, Err: err}})
		}
	case DoDrain:
		w.step(HasDrained{f.Key})
	case DoStop:
		w.step(HasStopped{f.ID})
	case DoRelease:
		waits := len(w.m.tasks[f.Key.Task].init.deletes)
		w.step(HasReleased{f.Key, err})
		if s := w.m.tasks[f.Key.Task].init.state; (s == Stopped) != (waits == 0 || err != nil) {
			w.failf("%s is %s after its release (%v), and %d wait for that", f.Key, s, err, waits)
		}
	case DoErase:
		w.step(HasErased{f.Key})
	}
}

func (w *walk) step(e Event) {
	w.now = w.now.Add(time.Second)
	for _, f := range w.m.Step(w.now, e) {
		switch f := f.(type) {
		case Publish:
			w.published(f)
		case Reply:
			if f.Call == 0 {
				w.failf("a reply to nobody after %#v", e)
			}
			if _, ok := w.open[f.Call]; !ok {
				w.failf("request %d is answered twice, after %#v", f.Call, e)
			}
			delete(w.open, f.Call)
		case Finish:
			w.done[f.Key] = true
		case Forget:
			if f.Key.Exec == "" {
				delete(w.updating, f.Key.Task) // its answer comes, to nobody but its caller
				delete(w.frozen, f.Key.Task)
				for _, late := range w.pending {
					if p, ok := late.(DoPause); ok && p.ID == f.Key.Task {
						w.failf("%s is forgotten while it is being paused", f.Key.Task)
					}
				}
			}
			delete(w.done, f.Key)
			delete(w.history, f.Key)
		case DoSignal:
			if f.Call != 0 {
				w.pending = append(w.pending, f)
			}
		case DoUpdate:
			if w.updating[f.ID] {
				w.failf("two updates of %s at once", f.ID)
			}
			w.updating[f.ID] = true
			w.pending = append(w.pending, f)
		case CancelCreate, DoCloseInput:
		default:
			w.pending = append(w.pending, f)
		}
	}
}

// paused tells from a container's events whether it is.
func paused(h []Kind) bool {
	for _, k := range slices.Backward(h) {
		if k == TaskPaused || k == TaskResumed {
			return k == TaskPaused
		}
	}
	return false
}

// published checks one event against those before it (containerd's runtime contract).
func (w *walk) published(p Publish) {
	h := w.history[p.Key]
	was := func(k Kind) bool { return slices.Contains(h, k) }
	need := func(ok bool, why string) {
		if !ok {
			w.failf("%s of %s after %v: %s", p.Kind, p.Key, h, why)
		}
	}
	need(p.Kind == TaskDeleted || p.Kind == TaskPaused || p.Kind == TaskResumed || !was(p.Kind), "twice")
	need(!was(TaskDeleted), "after delete")
	first, start := TaskCreated, TaskStarted
	if p.Key.Exec != "" {
		first, start = ExecAdded, ExecStarted
	}
	need(p.Kind == first || was(first), "not created")
	switch p.Kind {
	case TaskCreated:
		if pod := places[p.Key.Task].Sandbox; pod != "" && pod != p.Key.Task {
			s := w.history[Key{Task: pod}]
			need(slices.Contains(s, TaskStarted) && !slices.Contains(s, TaskExited), "its sandbox does not run")
		}
	case TaskExited:
		for k, kinds := range w.history {
			if p.Key.Exec == "" && places[k.Task].Sandbox == p.Key.Task && k != p.Key && (slices.Contains(kinds, TaskStarted) || slices.Contains(kinds, ExecStarted)) {
				need(slices.Contains(kinds, TaskExited), k.String()+" of the pod has not exited")
			}
		}
		need(was(start), "exit without start")
		need(!w.done[p.Key], "waiters were released before the exit event")
		need(!p.Exit.At.IsZero(), "no time of exit")
		if p.Key.Exec == "" {
			for k, kinds := range w.history {
				if k.Task == p.Key.Task && k.Exec != "" && slices.Contains(kinds, ExecStarted) {
					need(slices.Contains(kinds, TaskExited), "exec "+k.Exec+" has not exited")
				}
			}
		}
	case ExecAdded, ExecStarted:
		need(p.Kind == ExecStarted || !paused(w.history[Key{Task: p.Key.Task}]), "its container is paused")
		need(p.Kind == ExecAdded || p.Pid != 0, "no pid")
	case TaskPaused, TaskResumed:
		need(p.Key.Exec == "" && was(start) && !was(TaskExited), "of what does not run")
		need(paused(h) == (p.Kind == TaskResumed), "it is so already")
		need(w.frozen[p.Key.Task] == (p.Kind == TaskPaused), "it is not so")
	case TaskOOM:
		need(p.Key.Exec == "", "of an exec")
		need(was(start), "not started")
		need(!was(TaskExited), "after the exit")
	case TaskDeleted:
		need(!was(start) || was(TaskExited), "delete of what runs")
	case TaskStarted:
		need(p.Pid != 0, "no pid")
	}
	w.history[p.Key] = append(h, p.Kind)
}
