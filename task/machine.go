package task

import (
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/limits"
)

// State is where a process is in its life.
type State uint8

// The states of a process. Init begins in creating, an exec in created.
const (
	Creating State = iota // init only: its container is being made
	Created
	Starting
	Running
	Exited  // the code is known, the streams are not drained; still "running" to clients
	Stopped // done: waiters are released, the exit event is out if there was a start
	Deleting
)

func (s State) String() string {
	return [...]string{"creating", "created", "starting", "running", "exited", "stopped", "deleting"}[s]
}

// killedBeforeStart is the code of a process that was killed, or whose start failed, before there was one; the same as in
// Microsoft's shim (peer-runhcs §9.5).
const killedBeforeStart = 1

// process is the machine's record of init or an exec.
type process struct {
	key      Key
	state    State
	detail   Detail
	pid      uint32
	exit     Exit
	started  bool // a start event went out, so an exit event must follow
	drained  bool
	killing  bool     // a kill was asked for; start must not let it live
	signals  []signal // asked for while starting
	size     *Size    // the last resize before the process ran
	deletes  []Call   // who waits for its end on record
	replies  []Reply  // given when the process has stopped
	stopWait bool     // init: the compute system is being stopped
	stopped  bool     // init: it has been
}

type signal struct {
	call   Call
	number uint32
	all    bool
}

// container is the machine's record of a task.
type container struct {
	place   Place
	init    *process
	execs   map[string]*process
	limits  limits.Plan
	updates []AskUpdate // the first one is under way
	hit     bool        // it ran into its memory limit
	pause   Pause
	halts   int // DoPauses without an answer
}

// Machine is the state of all tasks of a shim. Step is its only writer. It is pure: no clock, no I/O, no lock.
type Machine struct {
	tasks   map[string]*container
	now     time.Time // of the event being stepped
	effects []Effect
	changed []string // the tasks that the step may have changed
}

// NewMachine returns a machine without tasks.
func NewMachine() *Machine { return &Machine{tasks: map[string]*container{}} }

// Step takes one event and returns what is to be done about it, in order. An event that is impossible in the present state is
// answered with an error when somebody asked for it, and has no effect when it is an answer of the past.
func (m *Machine) Step(now time.Time, e Event) []Effect {
	m.now, m.effects, m.changed = now, nil, append(m.changed[:0], e.task())
	switch e := e.(type) {
	case AskCreate:
		m.create(e)
	case AskStart:
		m.start(e)
	case AskExec:
		m.exec(e)
	case AskKill:
		m.kill(e)
	case AskDelete:
		m.delete(e)
	case AskResize:
		m.resize(e)
	case AskCloseInput:
		m.closeInput(e)
	case AskPause:
		m.pauseOrResume(e)
	case HasPaused:
		m.hasPaused(e)
	case AskUpdate:
		m.update(e)
	case HasUpdated:
		m.updated(e)
	case HasCreated:
		m.created(e)
	case HasStarted:
		m.hasStarted(e)
	case HasExited:
		m.exited(e)
	case HasDrained:
		m.drained(e)
	case HasStopped:
		m.systemStopped(e)
	case HasReleased:
		m.released(e)
	case HasErased:
		m.erased(e)
	case HasLeft:
		m.left(e)
	case HasHitLimit:
		m.hitLimit(e)
	case HasAnswered:
		m.do(e.Reply)
	}
	m.endPods()
	return m.effects
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

func (m *Machine) reply(c Call, err error) { m.do(Reply{Call: c, Err: err}) }

// has reports whether there is a record of the process, also while it is being created.
func (m *Machine) has(k Key) bool {
	c := m.tasks[k.Task]
	return c != nil && (k.Exec == "" || c.execs[k.Exec] != nil)
}

// find returns a process, or why there is none.
func (m *Machine) find(k Key) (*container, *process, error) {
	c := m.tasks[k.Task]
	if c == nil || c.init.state == Creating {
		return nil, nil, fmt.Errorf("task %s: %w", k.Task, errdefs.ErrNotFound)
	}
	if k.Exec == "" {
		return c, c.init, nil
	}
	p := c.execs[k.Exec]
	if p == nil {
		return nil, nil, fmt.Errorf("exec %s of task %s: %w", k.Exec, k.Task, errdefs.ErrNotFound)
	}
	return c, p, nil
}

func (m *Machine) create(e AskCreate) {
	if m.tasks[e.ID] != nil {
		m.reply(e.Call, fmt.Errorf("task %s: %w", e.ID, errdefs.ErrAlreadyExists))
		return
	}
	if err := m.join(e.ID, e.Place); err != nil {
		m.reply(e.Call, fmt.Errorf("create %s: %w", e.ID, err))
		return
	}
	k := Key{Task: e.ID}
	m.tasks[e.ID] = &container{
		place: e.Place,
		init:  &process{key: k, state: Creating, detail: e.Detail},
		execs: map[string]*process{},
	}
	m.do(DoCreate{Call: e.Call, ID: e.ID})
}

func (m *Machine) created(e HasCreated) {
	c := m.tasks[e.ID]
	if c == nil || c.init.state != Creating {
		return
	}
	p := c.init
	if e.Err != nil {
		delete(m.tasks, e.ID)
		m.do(Forget{p.key})
		m.reply(e.Call, e.Err)
		for _, d := range p.deletes {
			m.reply(d, fmt.Errorf("task %s: %w", e.ID, errdefs.ErrNotFound))
		}
		return
	}
	p.state, c.limits = Created, e.Limits
	m.do(Publish{Kind: TaskCreated, Key: p.key, Detail: p.detail})
	m.reply(e.Call, nil)
	if len(p.deletes) > 0 { // the client gave up on the create and asked for its removal meanwhile
		p.state, p.exit = Deleting, Exit{Code: killedBeforeStart, At: m.now}
		m.do(DoRelease{p.key})
	}
}

func (m *Machine) exec(e AskExec) {
	c, init, err := m.find(Key{Task: e.Key.Task})
	switch {
	case err != nil:
	case e.Key.Exec == "":
		err = fmt.Errorf("exec id is empty: %w", errdefs.ErrInvalidArgument)
	case c.execs[e.Key.Exec] != nil:
		err = fmt.Errorf("exec %s of task %s: %w", e.Key.Exec, e.Key.Task, errdefs.ErrAlreadyExists)
	case init.state != Running:
		err = m.wrongState(init, "exec in", "running")
	case c.pause != Unpaused:
		err = m.halted(c, "exec in")
	}
	if err != nil {
		m.reply(e.Call, err)
		return
	}
	c.execs[e.Key.Exec] = &process{key: e.Key, state: Created, detail: e.Detail}
	m.do(Publish{Kind: ExecAdded, Key: e.Key, Detail: e.Detail})
	m.reply(e.Call, nil)
}

func (m *Machine) start(e AskStart) {
	c, p, err := m.find(e.Key)
	switch {
	case err != nil:
	case p.state != Created:
		err = m.wrongState(p, "start", "created")
	case p != c.init && c.init.state != Running:
		err = m.wrongState(c.init, "start an exec in", "running")
	case c.pause != Unpaused:
		err = m.halted(c, "start an exec in")
	}
	if err != nil {
		m.reply(e.Call, err)
		return
	}
	p.state = Starting
	m.do(DoStart{Call: e.Call, Key: e.Key})
}

func (m *Machine) hasStarted(e HasStarted) {
	c, p, err := m.find(e.Key)
	if err != nil || p.state != Starting {
		return
	}
	if e.Err != nil {
		// A client deletes the task right after, so it must have stopped by then.
		p.replies = append(p.replies, Reply{Call: e.Call, Err: e.Err})
		for _, s := range p.signals {
			m.answer(s, m.gone(p))
		}
		p.signals = nil
		m.stopUnstarted(c, p)
		m.settle(c)
		return
	}
	p.state, p.pid, p.started = Running, e.Pid, true
	kind := TaskStarted
	if p != c.init {
		kind = ExecStarted
	}
	m.do(Publish{Kind: kind, Key: p.key, Detail: p.detail, Pid: p.pid})
	if p == c.init && c.hit { // an update saw it before the start was answered
		m.do(Publish{Kind: TaskOOM, Key: p.key, Detail: p.detail, Pid: p.pid})
	}
	m.do(Reply{Call: e.Call, Pid: p.pid})
	if p.size != nil {
		m.do(DoResize{Key: p.key, Size: *p.size})
	}
	for _, s := range p.signals {
		m.do(DoSignal{Call: s.call, Key: p.key, Number: s.number, All: s.all})
	}
	p.signals = nil
	if p.killing || p != c.init && c.init.state != Running {
		m.do(DoKill{Key: p.key})
	}
}

// stopUnstarted ends a process that never ran: its waiters are released, there is no exit event because there was no start.
func (m *Machine) stopUnstarted(c *container, p *process) {
	p.exit = Exit{Code: killedBeforeStart, At: m.now}
	p.drained = true
	if p == c.init {
		p.state = Exited // until its execs and its compute system are down
		return
	}
	m.done(p)
}

func (m *Machine) exited(e HasExited) {
	c, p, err := m.find(e.Key)
	if err != nil || p.state != Running {
		return
	}
	p.state = Exited
	p.exit = e.Exit
	if p == c.init {
		m.thaw(c)
	}
	m.do(DoDrain{p.key})
	m.settle(c)
}

func (m *Machine) drained(e HasDrained) {
	c, p, err := m.find(e.Key)
	if err != nil || p.state != Exited {
		return
	}
	p.drained = true
	m.settle(c)
}

func (m *Machine) systemStopped(e HasStopped) {
	c, p, err := m.find(Key{Task: e.ID})
	if err != nil {
		return
	}
	p.stopped = true
	m.settle(c)
}

func (m *Machine) wrongState(p *process, verb, want string) error {
	what := "task " + p.key.Task
	if p.key.Exec != "" {
		what = "exec " + p.key.Exec + " of " + what
	}
	return fmt.Errorf("cannot %s %s: it is %s, not %s: %w", verb, what, p.state, want, errdefs.ErrFailedPrecondition)
}
