package shim

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
)

// TestCrashAtEveryCall kills the shim between every two calls that it makes in a container's life, the claim of the second one being
// written already. containerd then runs the delete command: nothing may be left, the code of an init that had ended is its own, and
// the id can be used at once by another shim.
func TestCrashAtEveryCall(t *testing.T) {
	const enough = 20 // calls of a life, at least
	for k := 0; ; k++ {
		reached := false
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { reached = crashAt(t, k) })
		})
		if !reached || t.Failed() {
			if k < enough {
				t.Errorf("only %d calls were reached", k)
			}
			return
		}
	}
}

// callsBound is a little more than the bound of small calls: what goes on when one of them is given up is over, or hangs elsewhere.
const callsBound = 11 * time.Second

// crashAt reports whether the life has that many calls.
func crashAt(t *testing.T, k int) bool {
	set := &fault.Set{}
	n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
	r, err := fault.Parse(fmt.Sprintf("* hang skip=%d times=1", k))
	if err != nil {
		t.Fatal(err)
	}
	set.Add(r)
	over := make(chan struct{})
	ended := false // init, with code 6, as a client was told
	go func() {
		defer close(over)
		ended = n.briefLife()
	}()
	select {
	case <-over:
		if set.Met()[0] == 0 {
			n.deleteCommand()
			n.gone()
			return false
		}
		// What hangs is beside the life, such as the dial of the events' pipe.
	case <-time.After(callsBound):
	}
	time.AfterFunc(time.Minute, set.Clear) // what the dead shim's goroutines do then is taken back with the rest
	n.crash()
	<-over
	if code := n.deleteCommand().ExitStatus; ended && code != 6 || !ended && code != 6 && code != statusUnknown {
		t.Errorf("the delete command reports %d", code)
	}
	if held := n.svc.Held(); len(held) > 0 {
		t.Errorf("still held: %v", held)
	}
	n.boot(nil)
	n.create(spec("exit 6"))
	n.start("")
	n.wait("")
	if _, err := n.delete(""); err != nil {
		t.Errorf("the id is not free: %v", err)
	}
	n.gone()
	return true
}

// briefLife is a container's life as far as the shim answers. It reports whether init's end was told and the task is still there.
func (n *node) briefLife() (ended bool) {
	ctx := n.t.Context()
	network := n.svc.AddNetwork("nat")
	first, second := n.svc.AddEndpoint(network, "first"), n.svc.AddEndpoint(network, "second")
	connected := func(s *specs.Spec) { s.Windows.Network.EndpointList = []string{first} }
	if _, err := n.task.Create(ctx, n.request(spec("sleep 2s; exit 6", connected))); err != nil {
		return false
	}
	if n.have(first, second) != nil {
		return false
	}
	if _, err := n.task.Start(ctx, &taskapi.StartRequest{ID: n.id}); err != nil {
		return false
	}
	if n.exec("x", "exit 3") == nil {
		if _, err := n.task.Start(ctx, &taskapi.StartRequest{ID: n.id, ExecID: "x"}); err != nil {
			return false
		}
	}
	if _, err := n.task.Wait(ctx, &taskapi.WaitRequest{ID: n.id}); err != nil {
		return false
	}
	_, err := n.delete("")
	return err != nil
}
