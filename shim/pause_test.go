package shim

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
)

func (n *node) pause() error {
	_, err := n.task.Pause(n.t.Context(), &taskapi.PauseRequest{ID: n.id})
	return err
}

func (n *node) resume() error {
	_, err := n.task.Resume(n.t.Context(), &taskapi.ResumeRequest{ID: n.id})
	return err
}

func (n *node) stateOf(exec string) tasktypes.Status {
	n.t.Helper()
	r, err := n.task.State(n.t.Context(), &taskapi.StateRequest{ID: n.id, ExecID: exec})
	if err != nil {
		n.t.Fatalf("state %q: %v", exec, err)
	}
	return r.Status
}

// TestPause: nothing in a paused container runs, and what was asked of its processes meanwhile they do afterwards.
func TestPause(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		refused := func(what string, err error) {
			t.Helper()
			if status.Code(err) != codes.FailedPrecondition {
				t.Errorf("%s: %v, want failed precondition", what, err)
			}
		}
		r := n.create(spec("on CtrlShutdown { print told; exit 4 }; repeat 100 { sleep 1s; print tick }"))
		refused("pause before the start", n.pause())
		n.start("")
		for _, id := range []string{"runs", "waits"} {
			if err := n.exec(id, "sleep 2s; exit 3"); err != nil {
				t.Fatal(err)
			}
		}
		n.start("runs")
		refused("resume of one that runs", n.resume())
		time.Sleep(1500 * time.Millisecond)
		if err := n.pause(); err != nil {
			t.Fatal(err)
		}
		if got := n.stateOf(""); got != tasktypes.Status_PAUSED {
			t.Errorf("the task is %s", got)
		}
		refused("pause of a paused one", n.pause())
		refused("exec", n.exec("late", "exit 0"))
		_, err := n.task.Start(t.Context(), &taskapi.StartRequest{ID: n.id, ExecID: "waits"})
		refused("start of an exec", err)
		n.stats()
		if err := n.kill("", 15); err != nil {
			t.Errorf("TERM: %v", err)
		}
		time.Sleep(time.Minute)
		if got := n.stateOf("runs"); got != tasktypes.Status_RUNNING {
			t.Errorf("the exec is %s", got)
		}
		if err := n.resume(); err != nil {
			t.Fatal(err)
		}
		if code := n.wait("").ExitStatus; code != 4 {
			t.Errorf("exit code %d, want 4 of the TERM", code)
		}
		if got := n.text(r.Stdout); !strings.Contains(got, "told\n") || strings.Count(got, "tick\n") > 2 {
			t.Errorf("stdout %q; a minute of it was paused", got)
		}
		n.end()
		time.Sleep(time.Second) // the last events
		events := slices.DeleteFunc(n.seen(), func(e string) bool { return !strings.Contains(e, "paused") && !strings.Contains(e, "resumed") })
		if len(events) != 2 || !strings.Contains(events[0], "paused") || !strings.Contains(events[1], "resumed") {
			t.Errorf("events %q", events)
		}
	})
}

// TestKillOfAPausedContainer: KILL needs no resume, and what else is in the container gets its stop event.
func TestKillOfAPausedContainer(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("spawn { on CtrlShutdown { print told; exit 0 }; wait }; wait"))
		n.start("")
		if err := n.exec("x", "wait"); err != nil {
			t.Fatal(err)
		}
		n.start("x")
		synctest.Wait()
		if err := n.pause(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := n.kill("x", 9); err != nil {
			t.Error(err)
		}
		if code := n.wait("x").ExitStatus; code != statusKilled || n.stateOf("") != tasktypes.Status_PAUSED {
			t.Errorf("exec: exit code %d, the task is %s", code, n.stateOf(""))
		}
		if err := n.kill("", 9); err != nil {
			t.Error(err)
		}
		if code := n.wait("").ExitStatus; code != statusKilled {
			t.Errorf("exit code %d", code)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
		n.end()
	})
}

// TestCrashWhilePaused: a paused container of a dead shim ends like any other.
func TestCrashWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.create(spec("wait"))
		n.start("")
		if err := n.pause(); err != nil {
			t.Fatal(err)
		}
		n.crash()
		if code := n.deleteCommand().ExitStatus; code != statusUnknown {
			t.Errorf("the delete command reports %d", code)
		}
		n.boot(nil)
		n.create(spec("exit 6"))
		n.start("")
		if w := n.wait(""); w.ExitStatus != 6 {
			t.Errorf("the next container of the id ends with %d", w.ExitStatus)
		}
		n.end()
		time.Sleep(time.Second)
		n.gone()
	})
}

// TestPauseThatCannotBe: a Windows that does not freeze silos says so in so many words, and the container runs on.
func TestPauseThatCannotBe(t *testing.T) {
	for text, want := range map[string]codes.Code{
		"NtSetInformationJobObject fail 0x80070032 times=1": codes.Unimplemented,
		"NtSetInformationJobObject fail 0x80070057 times=1": codes.Unimplemented,
		"NtSetInformationJobObject fail 0x80070005 times=1": codes.Unimplemented,
		"NtSetInformationJobObject lose times=1":            codes.DeadlineExceeded,
		"NtSetInformationJobObject hang times=1":            codes.DeadlineExceeded,
	} {
		t.Run(text, func(t *testing.T) {
			runFaulty(t, func(t *testing.T, n *node, set *fault.Set) {
				n.create(spec("sleep 1h; exit 3"))
				n.start("")
				set.Add(rule(t, text))
				if err := n.pause(); status.Code(err) != want {
					t.Errorf("pause: %v, want %s", err, want)
				}
				if got := n.stateOf(""); got != tasktypes.Status_RUNNING {
					t.Errorf("the task is %s", got)
				}
				if code := n.wait("").ExitStatus; code != 3 {
					t.Errorf("exit code %d", code)
				}
				set.Clear()
				n.end()
			})
		})
	}
}
