package shim

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
)

// podCalls are what a pod's life makes beyond a container's.
var podCalls = []fault.Call{"HcnOpenNamespace", "ListenPipe"}

// TestEveryFaultOfAPodLeavesNothing is TestEveryFaultLeavesNothing for a sandbox with two containers, whose end is the sandbox's.
func TestEveryFaultOfAPodLeavesNothing(t *testing.T) {
	for _, call := range append(reached(t), podCalls...) {
		actions := []string{"fail 0x80004005", "lose", "hang"}
		switch {
		case call == fault.SystemExited || call == fault.ProcessExited:
			actions = []string{"drop-event"}
		case slices.Contains(unbounded, call) || call == "ListenPipe":
			actions = actions[:2]
		}
		for _, action := range actions {
			for skip := range 2 {
				rule := fmt.Sprintf("%s %s skip=%d times=1", call, action, skip)
				t.Run(rule, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { onePodFault(t, rule) }) })
			}
		}
	}
}

func onePodFault(t *testing.T, rule string) {
	r, err := fault.Parse(rule)
	if err != nil {
		t.Fatal(err)
	}
	set := &fault.Set{}
	n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
	set.Add(r)
	all := n.podLife()
	_ = n.kill("", 9)
	for _, m := range all {
		m.waitFor("")
		if !m.deleted() {
			t.Errorf("%s cannot be deleted", m.id)
		}
	}
	set.Clear()
	for _, m := range []*node{n.as("a"), n.as("b"), n} {
		m.deleteCommand()
	}
	n.gone()
}

// podLife is a pod's life as far as the shim answers, up to its end. It returns what has been created, the sandbox last.
func (n *node) podLife() []*node {
	ctx := n.t.Context()
	n.svc.AddNamespace(podNamespace)
	if _, err := n.task.Create(ctx, n.sandboxRequest()); err != nil {
		return nil
	}
	all := []*node{n}
	if _, err := n.task.Start(ctx, &taskapi.StartRequest{ID: n.id}); err != nil {
		return all
	}
	for _, id := range []string{"a", "b"} {
		m := n.as(id)
		s := spec("sleep 2s; exit 6", m.place)
		if id == "b" {
			s = spec("wait", m.place)
		}
		m.bundle(s)
		if _, err := m.startCommand(); err != nil {
			continue
		}
		if _, err := m.task.Create(ctx, m.request(s)); err != nil {
			continue
		}
		all = append([]*node{m}, all...)
		if _, err := m.task.Start(ctx, &taskapi.StartRequest{ID: id}); err != nil {
			continue
		}
		if m.exec("x", "wait") == nil {
			_, _ = m.task.Start(ctx, &taskapi.StartRequest{ID: id, ExecID: "x"})
		}
	}
	return all
}

// TestPodCrashAtEveryCall is TestCrashAtEveryCall for a pod: the delete command comes for each of its containers.
func TestPodCrashAtEveryCall(t *testing.T) {
	const enough = 30 // calls of a life, at least
	for k := 0; ; k++ {
		reached := false
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { reached = podCrashAt(t, k) })
		})
		if !reached || t.Failed() {
			if k < enough {
				t.Errorf("only %d calls were reached", k)
			}
			return
		}
	}
}

func podCrashAt(t *testing.T, k int) bool {
	set := &fault.Set{}
	n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
	hang, err := fault.Parse(fmt.Sprintf("* hang skip=%d times=1", k))
	if err != nil {
		t.Fatal(err)
	}
	set.Add(hang)
	over := make(chan struct{})
	go func() {
		defer close(over)
		all := n.podLife()
		_ = n.kill("", 9)
		for _, m := range all {
			_, _ = m.task.Wait(t.Context(), &taskapi.WaitRequest{ID: m.id})
			_, _ = m.delete("")
		}
	}()
	hung := true
	select {
	case <-over:
		hung = set.Met()[0] > 0
	case <-time.After(callsBound):
	}
	time.AfterFunc(time.Minute, set.Clear) // what the dead shim's goroutines do then is taken back with the rest
	n.crash()
	<-over
	for _, m := range []*node{n, n.as("a"), n.as("b")} {
		if code := m.deleteCommand().ExitStatus; !slices.Contains([]uint32{statusUnknown, 6, 0, statusKilled, sim.TerminatedExitCode}, code) {
			t.Errorf("the delete command of %s reports %d", m.id, code)
		}
	}
	if held := n.svc.Held(); len(held) > 0 {
		t.Errorf("still held: %v", held)
	}
	n.boot(nil)
	n.pod()
	m := n.member("a", "exit 6")
	m.wait("")
	if _, err := m.delete(""); err != nil {
		t.Errorf("the id is not free: %v", err)
	}
	n.end()
	n.gone()
	return hung
}
