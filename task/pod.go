package task

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/annotation"
)

// Place is where a task is in a pod, and what the containers of a pod must agree on.
type Place struct {
	Sandbox   string // as Plan's: the task's own id for the sandbox itself, empty outside of pods
	Isolation string // in words
	Namespace string // the network namespace that was given
}

// isSandbox reports whether the task is the sandbox of a pod.
func (c *container) isSandbox() bool { return c.place.Sandbox == c.init.key.Task }

// join says why a new task cannot be where its annotations say.
func (m *Machine) join(id string, p Place) error {
	if p.Sandbox == "" || p.Sandbox == id {
		return nil
	}
	s := m.tasks[p.Sandbox]
	var err error
	switch {
	case s == nil || !s.isSandbox():
		err = fmt.Errorf("there is no such sandbox: %w", errdefs.ErrFailedPrecondition)
	case s.init.state != Running:
		err = fmt.Errorf("the sandbox is %s, not running: %w", s.init.state, errdefs.ErrFailedPrecondition)
	case s.place.Isolation != p.Isolation:
		err = fmt.Errorf("the sandbox is for %s, not for %s: %w", s.place.Isolation, p.Isolation, errdefs.ErrInvalidArgument)
	case !strings.EqualFold(s.place.Namespace, p.Namespace):
		err = fmt.Errorf("windows.network.networkNamespace is %q, the sandbox's is %q: %w", p.Namespace, s.place.Namespace, errdefs.ErrInvalidArgument)
	default:
		return nil
	}
	return fmt.Errorf("annotation %s=%q: %w", annotation.CRISandboxID, p.Sandbox, err)
}

// members are the other tasks of a sandbox's pod by id, so that equal histories give equal effects.
func (m *Machine) members(sandbox *container) []*container {
	var out []*container
	for _, id := range slices.Sorted(maps.Keys(m.tasks)) {
		if c := m.tasks[id]; c != sandbox && sandbox.isSandbox() && c.place.Sandbox == sandbox.place.Sandbox {
			out = append(out, c)
		}
	}
	return out
}

// inhabited reports whether a container of the sandbox's pod has not ended: the sandbox is the last to go.
func (m *Machine) inhabited(sandbox *container) bool {
	return slices.ContainsFunc(m.members(sandbox), func(c *container) bool { return c.init.state != Stopped && c.init.state != Deleting })
}

// endPods goes on with the end of sandboxes that have exited: their containers are ended, and when the last of them has, the sandbox
// itself.
func (m *Machine) endPods() {
	var exited []*container
	for _, c := range m.tasks {
		if c.isSandbox() && c.init.state == Exited {
			exited = append(exited, c)
		}
	}
	slices.SortFunc(exited, func(a, b *container) int { return strings.Compare(a.place.Sandbox, b.place.Sandbox) })
	for _, sandbox := range exited {
		m.changed = append(m.changed, sandbox.init.key.Task)
		for _, c := range m.members(sandbox) {
			m.changed = append(m.changed, c.init.key.Task)
			m.endMember(c)
		}
		m.settle(sandbox)
	}
}

// endMember ends a container because its sandbox has ended. Asking once is enough: a kill is seen through.
func (m *Machine) endMember(c *container) {
	p := c.init
	switch {
	case p.killing && p.state != Created:
	case p.state == Creating:
		p.killing = true
		m.do(CancelCreate{p.key.Task})
	case p.state == Created || p.state == Starting || p.state == Running:
		m.signal(c, p, signal{number: sigKill}) // nobody waits for it
	}
}
