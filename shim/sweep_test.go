package shim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"google.golang.org/grpc/codes"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/host"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/ledger"
)

// crashed is a node whose shim died while its container ran.
func crashed(t *testing.T) *node {
	n := newNode(t, sim.Config{}, nil)
	n.create(spec("wait"))
	n.start("")
	n.crash()
	if len(n.svc.Held()) == 0 {
		t.Fatal("the crash left nothing behind: the test tests nothing")
	}
	return n
}

// sweeper is the machine as another shim sees it.
func (n *node) sweeper() (hcs.Machine, func()) {
	c := n.svc.Connect("containerd-shim-hcs-v1.exe", 4)
	return n.svc.Machine(c), c.Close
}

func TestSweepFinishesWhatACrashLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := crashed(t)
		m, end := n.sweeper()
		var out bytes.Buffer
		if err := Collect(t.Context(), m, n.ledgers(), host.TryLockFile, &out); err != nil || !strings.Contains(out.String(), "4 released") {
			t.Errorf("%s, %v", &out, err)
		}
		out.Reset()
		if err := Collect(t.Context(), m, n.ledgers(), host.TryLockFile, &out); err != nil || out.Len() > 0 {
			t.Errorf("the second time: %s, %v", &out, err)
		}
		end()
		n.gone()
	})
}

func TestSweepLeavesTheLivingAlone(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("exit 6"))
		m, end := n.sweeper()
		defer end()
		if s := Sweep(t.Context(), m, n.ledgers(), host.TryLockFile); len(s) > 0 {
			t.Errorf("swept %+v", s)
		}
		n.start("")
		if w := n.wait(""); w.ExitStatus != 6 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		_, _ = n.delete("")
	})
}

// TestSweepKeepsTheExitForDelete: the delete command comes after the sweep and still reports the container's own code.
func TestSweepKeepsTheExitForDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.create(spec("exit 5"))
		n.start("")
		n.wait("")
		n.crash()
		m, end := n.sweeper()
		Sweep(t.Context(), m, n.ledgers(), host.TryLockFile)
		end()
		if held := n.svc.Held(); len(held) > 0 {
			t.Errorf("still held: %v", held)
		}
		if r := n.deleteCommand(); r.ExitStatus != 5 {
			t.Errorf("exit %d", r.ExitStatus)
		}
		n.gone()
	})
}

// TestDeleteEndsAShimThatWasGivenUp: containerd runs the command because the shim did not answer it in time. The shim lives, and must
// not stay, with its container or without.
func TestDeleteEndsAShimThatWasGivenUp(t *testing.T) {
	for name, live := range map[string]func(n *node){
		"nothing created": func(*node) {},
		"created":         func(n *node) { n.create(spec("wait")) },
		"running":         func(n *node) { n.create(spec("wait")); n.start("") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, sim.Config{}, nil)
				live(n)
				_ = n.client.Close() // containerd hangs up
				n.deleteCommand()
				select {
				case err := <-n.served:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("the shim is still there")
				}
				if held := n.svc.Held(); len(held) > 0 {
					t.Errorf("still held: %v", held)
				}
				if left, _ := ledger.All(n.ledgers()); len(left) > 0 {
					t.Errorf("ledgers: %v", left)
				}
				n.svc.Close()
			})
		})
	}
}

// TestDeleteFinishesABundleThatWasHalfRemoved: containerd does not come back to it, and could never again remove a bundle of the id.
func TestDeleteFinishesABundleThatWasHalfRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := crashed(t)
		state := t.TempDir()
		bundle, half, other := filepath.Join(state, "web"), filepath.Join(state, ".web", "rootfs"), filepath.Join(state, ".web2")
		for _, dir := range []string{bundle, half, other} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		m, end := n.sweeper()
		var stdout, stderr bytes.Buffer
		if err := Delete(t.Context(), m, n.ledgers(), n.dir+"/crash", host.TryLockFile, Flags{Namespace: ns, ID: "web", Bundle: bundle}, &stdout, &stderr); err != nil || stderr.Len() > 0 {
			t.Errorf("delete: %v, %s", err, &stderr)
		}
		end()
		if err := os.Rename(bundle, filepath.Dir(half)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(other); err != nil {
			t.Error(err)
		}
		n.gone()
	})
}

// TestDeleteLeavesTheRestToTheNext: a service that does not answer keeps the delete command only for its own bound.
func TestDeleteLeavesTheRestToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := crashed(t)
		set := &fault.Set{}
		r, err := fault.Parse("UnprepareLayer hang")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(r)
		m, end := n.sweeper()
		var stdout, stderr bytes.Buffer
		start := time.Now()
		if err := Delete(t.Context(), fault.Wrap(m, set), n.ledgers(), n.dir+"/crash", host.TryLockFile, Flags{Namespace: ns, ID: "web"}, &stdout, &stderr); err != nil {
			t.Errorf("delete: %v", err)
		}
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("delete took %v", d)
		}
		if decode(t, stdout.Bytes()).ExitStatus != statusUnknown || !strings.Contains(stderr.String(), "UnprepareLayer") {
			t.Errorf("stdout %q, stderr %s", &stdout, &stderr)
		}
		if len(n.svc.Held()) == 0 {
			t.Error("nothing was left for the next")
		}
		end()
		n.deleteCommand()
		n.gone()
	})
}

// TestSweepAfterADeleteKeepsNothing: the delete command that left the rest has told the exit, nobody else will come for it.
func TestSweepAfterADeleteKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.create(spec("exit 5"))
		n.start("")
		n.wait("")
		n.crash()
		set := &fault.Set{}
		set.Add(rule(t, "UnprepareLayer hang"))
		m, end := n.sweeper()
		var stdout bytes.Buffer
		f := Flags{Namespace: ns, ID: "web"}
		if err := Delete(t.Context(), fault.Wrap(m, set), n.ledgers(), n.dir+"/crash", host.TryLockFile, f, &stdout, io.Discard); err != nil {
			t.Errorf("delete: %v", err)
		}
		if r := decode(t, stdout.Bytes()); r.ExitStatus != 5 || len(n.svc.Held()) == 0 {
			t.Errorf("exit %d, held %v", r.ExitStatus, n.svc.Held())
		}
		Sweep(t.Context(), m, n.ledgers(), host.TryLockFile)
		if left, err := ledger.All(n.ledgers()); err != nil || len(left) > 0 {
			t.Errorf("ledgers: %v, %v", left, err)
		}
		end()
		n.gone()
	})
}

// TestTakeover: the id of a container whose shim is dead is free at once, and that of a living one is refused with its owner.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := crashed(t)
		n.boot(nil)
		n.create(spec("exit 8"))
		n.start("")
		if w := n.wait(""); w.ExitStatus != 8 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		if _, err := n.delete(""); err != nil {
			t.Error(err)
		}
		n.gone()
	})
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		led, err := ledger.Open(n.ledgers(), ns, "web")
		if err != nil {
			t.Fatal(err)
		}
		disown, err := led.Own(host.TryLockFile)
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.task.Create(t.Context(), n.request(spec("wait")))
		kind(t, "create of what another shim has", err, codes.AlreadyExists)
		if err != nil && !strings.Contains(err.Error(), "held by process") {
			t.Errorf("%v does not name the owner", err)
		}
		disown()
	})
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		m, end := n.sweeper()
		defer end()
		const scratch = `C:\foreign`
		n.svc.Store().(*sim.Memory).AddScratch(scratch)
		if err := errors.Join(m.Layers.Activate(t.Context(), scratch), m.Layers.Prepare(t.Context(), scratch, []string{baseDir})); err != nil {
			t.Fatal(err)
		}
		volume, err := m.Layers.MountPath(t.Context(), scratch)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Compute.Create(t.Context(), "web", &schema.ComputeSystem{
			Owner: "docker", SchemaVersion: schema.Version{Major: 2, Minor: 1}, ShouldTerminateOnLastHandleClosed: true,
			Container: &schema.Container{Storage: &schema.Storage{Path: volume + `\`, Layers: []schema.Layer{{ID: "cd22d128-903e-550a-9d8f-aa8134ca1c9b", Path: baseDir}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.task.Create(t.Context(), n.request(spec("wait")))
		kind(t, "create of what somebody else made", err, codes.AlreadyExists)
		if err != nil && !strings.Contains(err.Error(), "docker") {
			t.Errorf("%v does not name the owner", err)
		}
		if _, err := m.Compute.Open(t.Context(), "web"); err != nil {
			t.Errorf("the other's container is gone: %v", err)
		}
		exited := s.Exited()
		_ = s.Terminate(t.Context())
		<-exited
		_ = s.Close()
		if err := errors.Join(m.Layers.Unprepare(t.Context(), scratch), m.Layers.Deactivate(t.Context(), scratch)); err != nil {
			t.Error(err)
		}
	})
}

func TestShimThatNobodyUsesEnds(t *testing.T) {
	for name, f := range map[string]func(n *node) time.Duration{
		"no client": func(n *node) time.Duration {
			_ = n.client.Close()
			return aloneMost
		},
		"no create": func(*node) time.Duration { return unusedMost },
		"no bundle": func(n *node) time.Duration { // as after a start that was cut short
			_ = n.client.Close()
			if err := os.RemoveAll(n.dir); err != nil {
				n.t.Error(err)
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, sim.Config{}, nil)
				start := time.Now()
				most := f(n)
				if err := <-n.served; err != nil {
					t.Error(err)
				}
				if d := time.Since(start); d < most || d > most+2*lonelyTick {
					t.Errorf("ended after %v", d)
				}
				_ = n.client.Close()
				time.Sleep(time.Minute)
				n.svc.Close()
			})
		})
	}
	run(t, sim.Config{}, func(t *testing.T, n *node) { // one with a container goes on, client or not
		n.create(spec("wait"))
		_ = n.client.Close()
		time.Sleep(24 * time.Hour)
		n.connect()
		if _, err := n.delete(""); err != nil {
			t.Error(err)
		}
	})
}

// TestShutdownThatNeverComesIsNotAnothers: another container of the id, in another shim, keeps its ledger as it is.
func TestShutdownThatNeverComesIsNotAnothers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.create(spec("exit 6"))
		n.start("")
		n.wait("")
		if _, err := n.delete(""); err != nil {
			t.Fatal(err)
		}
		led, err := ledger.Open(n.ledgers(), ns, n.id)
		if err == nil {
			err = led.Claim(ledger.Entry{Kind: ledger.Namespace, ID: podNamespace})
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := <-n.served; err != nil {
			t.Error(err)
		}
		if led, err = ledger.Open(n.ledgers(), ns, n.id); err != nil || led.Exit() != nil {
			t.Errorf("the other's ledger has the exit %v, %v", led.Exit(), err)
		}
		_ = n.client.Close()
		n.svc.Close()
	})
}

// TestShutdownThatNeverComes: containerd was killed between the delete and the shutdown, and its next instance is connected. The shim ends,
// and the delete command that containerd runs then tells how the task ended.
func TestShutdownThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.create(spec("exit 6"))
		n.start("")
		n.wait("")
		if _, err := n.delete(""); err != nil {
			t.Errorf("delete: %v", err)
		}
		began := time.Now()
		if err := <-n.served; err != nil || time.Since(began) > unshutMost+time.Second {
			t.Errorf("ended after %v: %v", time.Since(began), err)
		}
		if r := n.deleteCommand(); r.ExitStatus != 6 {
			t.Errorf("the delete command tells %d, want 6", r.ExitStatus)
		}
		if left, _ := ledger.All(n.ledgers()); len(left) > 0 {
			t.Errorf("ledgers: %v", left)
		}
		_ = n.client.Close()
		n.svc.Close()
	})
}

// TestDeleteThatNobodyWaitsFor: containerd is killed, or gives up, while a delete is under way. What the container held is given back, and
// the task is there for the next instance, which may have asked for it just before and would tell its end a second time if it went.
func TestDeleteThatNobodyWaitsFor(t *testing.T) {
	during := func(t *testing.T, leave func(n *node), then func(n *node)) {
		synctest.Test(t, func(t *testing.T) {
			set := &fault.Set{}
			n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
			set.Add(rule(t, "DeactivateLayer delay 2s"))
			n.create(spec("exit 6"))
			n.start("")
			n.wait("")
			leave(n)
			time.Sleep(2 * unshutMost)
			if held := n.svc.Held(); len(held) > 0 {
				t.Errorf("held: %v", held)
			}
			for _, e := range n.seen() {
				if strings.HasPrefix(e, "/tasks/delete") {
					t.Errorf("it told %s", e)
				}
			}
			then(n)
			if left, _ := ledger.All(n.ledgers()); len(left) > 0 {
				t.Errorf("ledgers: %v", left)
			}
		})
	}
	again := func(n *node) {
		s, err := n.task.State(n.t.Context(), &taskapi.StateRequest{ID: n.id})
		if err != nil || s.Status != tasktypes.Status_STOPPED || s.ExitStatus != 6 {
			n.t.Errorf("state: %v, %v", s, err)
		}
		if r, err := n.delete(""); err != nil || r.ExitStatus != 6 {
			n.t.Errorf("delete: %v, %v", r, err)
		}
		if held := n.close(); len(held) > 0 {
			n.t.Errorf("held: %v", held)
		}
		if told := n.seen(); len(told) != 4 || told[3] != "/tasks/delete web 6" {
			n.t.Errorf("told: %v", told)
		}
	}
	gone := func(n *node) {
		go func() { _, _ = n.delete("") }()
		time.Sleep(time.Second)
		_ = n.client.Close()
		n.connect()
	}
	t.Run("its client is gone", func(t *testing.T) { during(t, gone, again) })
	t.Run("its client gives up", func(t *testing.T) {
		during(t, func(n *node) {
			ctx, cancel := context.WithTimeout(n.t.Context(), time.Second)
			defer cancel()
			if _, err := n.task.Delete(ctx, &taskapi.DeleteRequest{ID: n.id}); err == nil {
				n.t.Error("delete was answered")
			}
		}, again)
	})
	t.Run("and the shim is killed after it", func(t *testing.T) {
		during(t, gone, func(n *node) {
			n.crash()
			if r := n.deleteCommand(); r.ExitStatus != 6 {
				n.t.Errorf("the delete command tells %d, want 6", r.ExitStatus)
			}
			if held := n.close(); len(held) > 0 {
				n.t.Errorf("held: %v", held)
			}
		})
	})
}
