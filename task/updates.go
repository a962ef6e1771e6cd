package task

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// update takes a change of a container's limits. Those of one container follow each other in the order they were asked for; nothing
// else waits for them.
func (m *Machine) update(e AskUpdate) {
	c, _, err := m.find(Key{Task: e.ID})
	if err == nil {
		err = m.updatable(c)
	}
	if err != nil {
		m.reply(e.Call, err)
		return
	}
	c.updates = append(c.updates, e)
	if len(c.updates) == 1 {
		m.do(DoUpdate(e))
	}
}

func (m *Machine) updatable(c *container) error {
	switch c.init.state {
	case Created, Starting, Running:
		return nil
	}
	return m.wrongState(c.init, "update", "running")
}

// updated ends an update and goes on with the next. The answer may be for a container that is no more.
func (m *Machine) updated(e HasUpdated) {
	c := m.tasks[e.ID]
	if c == nil || len(c.updates) == 0 || c.updates[0].Call != e.Call {
		m.reply(e.Call, e.Err)
		return
	}
	c.limits, c.updates = e.Limits, c.updates[1:]
	m.reply(e.Call, e.Err)
	for len(c.updates) > 0 {
		next := c.updates[0]
		err := m.updatable(c)
		if err == nil {
			m.do(DoUpdate(next))
			return
		}
		c.updates = c.updates[1:]
		m.reply(next.Call, err)
	}
}

// dropUpdates answers those that wait when the container goes. The one under way is answered by itself.
func (m *Machine) dropUpdates(c *container) {
	for i, u := range c.updates {
		if i > 0 {
			m.reply(u.Call, fmt.Errorf("task %s: %w", u.ID, errdefs.ErrNotFound))
		}
	}
}

// hitLimit says once that a container ran into its memory limit: after its start, and before its exit, which is when CRI takes it for
// the reason of the exit. Of one that has stopped it would be too late.
func (m *Machine) hitLimit(e HasHitLimit) {
	c, init, err := m.find(Key{Task: e.ID})
	if err != nil || c.hit {
		return
	}
	c.hit = true
	if init.state == Running || init.state == Exited && init.started {
		m.do(Publish{Kind: TaskOOM, Key: init.key, Detail: init.detail, Pid: init.pid})
	}
}
