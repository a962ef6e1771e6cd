package shim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/host"
	"containerd-shim-hcs/hcs/sim"
)

// runFaulty is run with a set of faults between the shim and the simulator. The faults are over when the test's function returns.
func runFaulty(t *testing.T, f func(t *testing.T, n *node, set *fault.Set)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		f(t, n, set)
		set.Clear()
		time.Sleep(time.Second) // the last events
		n.gone()
	})
}

// rule parses one.
func rule(t *testing.T, text string) fault.Rule {
	t.Helper()
	r, err := fault.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// life is a container's whole life, whatever fails in it: clients go on to the delete and repeat it.
func (n *node) life() (createErr error) {
	r := n.request(spec("wait", mount(baseDir)))
	if _, err := n.task.Create(n.t.Context(), r); err != nil {
		return err
	}
	if _, err := n.task.Start(n.t.Context(), &taskapi.StartRequest{ID: n.id}); err == nil {
		if n.exec("x", "exit 3") == nil {
			if _, err := n.task.Start(n.t.Context(), &taskapi.StartRequest{ID: n.id, ExecID: "x"}); err == nil {
				n.waitFor("x")
			}
			_, _ = n.delete("x")
		}
		if n.pause() == nil && n.resume() != nil {
			_ = n.resume()
		}
		_ = n.kill("", 15)
		_ = n.kill("", 9)
		n.waitFor("")
	}
	return nil
}

// waitFor waits for the end of a process, and kills it again when it does not come.
func (n *node) waitFor(exec string) {
	for range 10 {
		ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute)
		_, err := n.task.Wait(ctx, &taskapi.WaitRequest{ID: n.id, ExecID: exec})
		cancel()
		if err == nil {
			return
		}
		_ = n.kill(exec, 9)
	}
	n.t.Errorf("%q does not end", exec)
}

// reached lists the calls that a life makes.
func reached(t *testing.T) []fault.Call {
	seen := map[fault.Call]bool{
		fault.SystemExited: true, fault.ProcessExited: true, "HasScratch": true, "Facts": true, "DialPipe": true, "ResolvePath": true,
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.svc.ResetJournal()
		if err := n.life(); err != nil {
			t.Fatal(err)
		}
		if _, err := n.delete(""); err != nil {
			t.Fatal(err)
		}
		for _, e := range n.svc.Journal() {
			if slices.Contains(fault.Calls(), fault.Call(e.Op)) {
				seen[fault.Call(e.Op)] = true
			}
		}
		n.gone()
	})
	return slices.Sorted(maps.Keys(seen))
}

// TestEveryFaultLeavesNothing fails, delays, hangs and loses every call of a container's life, the first time and later. Whatever
// happens, a client that deletes the task and then runs the delete command, as containerd does, finds nothing left.
func TestEveryFaultLeavesNothing(t *testing.T) {
	calls := reached(t)
	if len(calls) < 20 {
		t.Fatalf("a life makes only %v", calls)
	}
	for _, call := range calls {
		actions := []string{"fail 0x80004005", "lose", "hang", "delay 3s"}
		if call == fault.SystemExited || call == fault.ProcessExited {
			actions = []string{"drop-event"}
		}
		if slices.Contains(unbounded, call) {
			actions = []string{"fail 0x80004005", "lose", "delay 3s"}
		}
		for _, action := range actions {
			for skip := range 3 {
				rule := fmt.Sprintf("%s %s skip=%d times=1", call, action, skip)
				t.Run(rule, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { oneFault(t, rule) })
				})
			}
		}
	}
}

// unbounded calls take no context: a look at a local file, and the closing of a handle, which HCS does at once.
var unbounded = []fault.Call{"HasScratch", "ResolvePath", "HcsCloseComputeSystem", "HcsCloseProcess"}

func oneFault(t *testing.T, rule string) {
	r, err := fault.Parse(rule)
	if err != nil {
		t.Fatal(err)
	}
	set := &fault.Set{}
	n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
	set.Add(r)
	if n.life() != nil {
		// A create that failed has given everything back by itself, unless the giving back was what failed or hung.
		if held := n.held(); len(held) > 0 {
			t.Errorf("after the failed create: %v", held)
		}
	} else if !n.deleted() {
		t.Error("the task cannot be deleted")
	}
	set.Clear()
	n.deleteCommand()
	n.gone()
}

// deleted deletes the task, as often as a client would.
func (n *node) deleted() bool {
	for range 5 {
		if _, err := n.delete(""); err == nil {
			return true
		}
		time.Sleep(time.Second)
	}
	return false
}

// held is what the container holds at the service.
func (n *node) held() []string {
	synctest.Wait()
	return n.svc.Held()
}

// deleteCommand is what containerd runs after every end.
func (n *node) deleteCommand() *taskapi.DeleteResponse {
	c := n.svc.Connect("containerd-shim-hcs-v1.exe delete", 3)
	defer c.Close()
	var stdout, stderr bytes.Buffer
	start := time.Now()
	if err := Delete(n.t.Context(), n.svc.Machine(c), n.ledgers(), n.dir+"/crash", host.TryLockFile, Flags{Namespace: ns, ID: n.id, Bundle: n.bundles[n.id]}, &stdout, &stderr); err != nil {
		n.t.Errorf("delete command: %v", err)
	}
	if stderr.Len() > 0 {
		n.t.Errorf("delete command: %s", &stderr)
	}
	if d := time.Since(start); d > 5*time.Second {
		n.t.Errorf("the delete command took %v", d)
	}
	return decode(n.t, stdout.Bytes())
}
