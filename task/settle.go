package task

import (
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/errdefs"
)

// settle moves a container on as far as its facts allow, and publishes what the contract allows now: an exec is done when its
// output is drained; init's own end takes its execs and then the compute system down, and its exit is the last one out.
func (m *Machine) settle(c *container) {
	for _, x := range c.sorted() {
		if x.state == Exited && x.drained {
			m.done(x)
		}
	}
	init := c.init
	if init.state != Exited {
		return
	}
	alive := false
	for _, x := range c.sorted() {
		switch x.state {
		case Created:
			m.stopUnstarted(c, x)
		case Starting:
			alive = true // killed when its start is answered
		case Running:
			alive = true
			if !x.killing {
				x.killing = true
				m.do(DoKill{Key: x.key})
			}
		case Exited:
			alive = true
		}
	}
	switch {
	case alive || m.inhabited(c):
	case !init.stopWait:
		init.stopWait = true
		m.do(DoStop{init.key.Task})
	case init.stopped && init.drained && c.halts == 0: // a late DoPause would be for the next container of the id
		m.done(init)
	}
}

// done ends a process: the exit event of one that ran goes out, its waiters are released.
func (m *Machine) done(p *process) {
	p.state = Stopped
	if p.started {
		m.do(Publish{Kind: TaskExited, Key: p.key, Detail: p.detail, Pid: p.pid, Exit: p.exit})
	}
	m.do(Finish{Key: p.key, Exit: p.exit})
	for _, r := range p.replies {
		m.do(r)
	}
	p.replies = nil
}

func (m *Machine) kill(e AskKill) {
	c, p, err := m.find(e.Key)
	if err == nil && e.All && e.Key.Exec != "" {
		err = fmt.Errorf("all reaches every process of a task, it cannot be given with exec %s: %w", e.Key.Exec, errdefs.ErrInvalidArgument)
	}
	if err != nil {
		m.reply(e.Call, err)
		return
	}
	if e.All {
		for _, x := range c.sorted() {
			if x.state == Created || x.state == Starting || x.state == Running {
				m.signal(c, x, signal{number: e.Number, all: true}) // nobody waits for these
			}
		}
	}
	m.signal(c, p, signal{call: e.Call, number: e.Number, all: e.All})
}

// signal delivers one signal, in whatever state the process is.
func (m *Machine) signal(c *container, p *process, s signal) {
	isKill := s.number == sigKill
	switch p.state {
	case Created:
		if !isKill {
			m.answer(s, m.wrongState(p, "signal", "running"))
			return
		}
		if s.call != 0 {
			p.replies = append(p.replies, Reply{Call: s.call})
		}
		m.stopUnstarted(c, p)
		m.settle(c)
	case Starting:
		if isKill {
			p.killing = true
			m.do(DoKill{Call: s.call, Key: p.key, All: s.all && p == c.init})
		} else {
			p.signals = append(p.signals, s)
		}
	case Running:
		if isKill {
			p.killing = true
			m.do(DoKill{Call: s.call, Key: p.key, All: s.all && p == c.init})
		} else {
			m.do(DoSignal{Call: s.call, Key: p.key, Number: s.number, All: s.all})
		}
	default:
		m.answer(s, m.gone(p))
	}
}

func (m *Machine) answer(s signal, err error) {
	if s.call != 0 {
		m.reply(s.call, err)
	}
}

// gone is what a signal to an ended process gets: clients take it as "it is over".
func (m *Machine) gone(p *process) error {
	return fmt.Errorf("process %s has ended: %w", p.key, errdefs.ErrNotFound)
}

func (m *Machine) delete(e AskDelete) {
	// A create that the client has given up is cancelled and undone; the delete is answered when nothing is held.
	if c := m.tasks[e.Key.Task]; c != nil && c.init.state == Creating && e.Key.Exec == "" {
		c.init.deletes = append(c.init.deletes, e.Call)
		m.do(CancelCreate{e.Key.Task})
		return
	}
	c, p, err := m.find(e.Key)
	if err == nil && p.state != Created && p.state != Stopped && p.state != Deleting {
		err = m.wrongState(p, "delete", "stopped")
	}
	if err != nil {
		m.reply(e.Call, err)
		return
	}
	if p != c.init {
		if p.state == Created {
			m.stopUnstarted(c, p)
		}
		delete(c.execs, p.key.Exec)
		m.do(Publish{Kind: TaskDeleted, Key: p.key, Detail: p.detail, Pid: p.pid, Exit: p.exit})
		m.do(Reply{Call: e.Call, Pid: p.pid, Exit: p.exit})
		m.do(Forget{p.key})
		return
	}
	p.deletes = append(p.deletes, e.Call)
	if p.state == Created {
		p.exit = Exit{Code: killedBeforeStart, At: m.now}
	}
	if p.state != Deleting {
		p.state = Deleting
		m.do(DoRelease{p.key})
	}
}

func (m *Machine) released(e HasReleased) {
	_, p, err := m.find(e.Key)
	if err != nil || p.state != Deleting {
		return
	}
	if e.Err == nil && len(p.deletes) > 0 {
		m.do(DoErase{p.key})
		return
	}
	// Delete may be asked again: what is left stays in the ledger. So does the exit when nobody waits for the answer: a containerd that
	// was killed meanwhile has told nobody of the end, and its next instance may have seen the task just before.
	p.state = Stopped
	for _, c := range p.deletes {
		m.reply(c, e.Err)
	}
	p.deletes = nil
	m.do(Finish{Key: p.key, Exit: p.exit})
}

// left takes a client that waits no longer off those of a container's release. Its request is answered, so that the loop forgets it.
func (m *Machine) left(e HasLeft) {
	_, p, err := m.find(Key{Task: e.ID})
	if err != nil || p.state != Deleting {
		return
	}
	if i := slices.Index(p.deletes, e.Call); i >= 0 {
		p.deletes = slices.Delete(p.deletes, i, i+1)
		m.reply(e.Call, fmt.Errorf("delete %s: its client has left", p.key))
	}
}

func (m *Machine) erased(e HasErased) {
	c, p, err := m.find(e.Key)
	if err != nil || p.state != Deleting {
		return
	}
	for _, x := range c.sorted() {
		m.do(Forget{x.key})
	}
	m.dropUpdates(c)
	delete(m.tasks, e.Key.Task)
	m.do(Finish{Key: p.key, Exit: p.exit})
	m.do(Publish{Kind: TaskDeleted, Key: p.key, Detail: p.detail, Pid: p.pid, Exit: p.exit})
	for _, c := range p.deletes {
		m.do(Reply{Call: c, Pid: p.pid, Exit: p.exit})
	}
	m.do(Forget{p.key})
}

func (m *Machine) resize(e AskResize) {
	_, p, err := m.find(e.Key)
	switch {
	case err != nil:
		m.reply(e.Call, err)
	case p.state == Exited || p.state == Stopped || p.state == Deleting:
		m.reply(e.Call, m.wrongState(p, "resize", "running"))
	case !p.detail.IO.Terminal:
		m.reply(e.Call, nil) // nothing to resize, and nothing wrong
	case p.state == Running:
		m.do(DoResize{Call: e.Call, Key: p.key, Size: e.Size})
	default:
		p.size = &e.Size
		m.reply(e.Call, nil)
	}
}

func (m *Machine) closeInput(e AskCloseInput) {
	_, p, err := m.find(e.Key)
	if err == nil && (p.state == Created || p.state == Starting || p.state == Running) {
		m.do(DoCloseInput{p.key})
	}
	m.reply(e.Call, err)
}

// sorted lists the execs by id, so that equal histories give equal effects.
func (c *container) sorted() []*process {
	var out []*process
	for _, id := range slices.Sorted(maps.Keys(c.execs)) {
		out = append(out, c.execs[id])
	}
	return out
}
