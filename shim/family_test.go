package shim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/annotation"
)

func annotated(key, value string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations[key] = value
	}
}

// alive counts the processes in the container.
func (n *node) alive() int {
	synctest.Wait()
	return len(n.svc.State().Processes)
}

// TestDescendantsOfAnExec: they end with a kill of the exec and with its delete, and with nothing else, unless they are to be kept.
func TestDescendantsOfAnExec(t *testing.T) {
	for name, c := range map[string]struct {
		script   string
		act      func(*node)
		left     int // of the container's own process, another exec, the exec, its child and grandchild
		annotate func(*specs.Spec)
	}{
		"kill":                     {"spawn { spawn { wait }; wait }; wait", func(n *node) { _ = n.kill("x", 9) }, 2, nil},
		"delete after its own end": {"spawn { spawn { wait }; wait }; sleep 1s", func(n *node) { n.wait("x"); _, _ = n.delete("x") }, 2, nil},
		"its own end":              {"spawn { spawn { wait }; wait }; sleep 1s", func(n *node) { n.wait("x") }, 4, nil},
		"a signal":                 {"spawn { spawn { wait }; wait }; wait", func(n *node) { _ = n.kill("x", 15) }, 4, nil},
		"kill of one that ended":   {"spawn { spawn { wait }; wait }; sleep 1s", func(n *node) { n.wait("x"); _ = n.kill("x", 9) }, 4, nil},
		"kill, and they are kept":  {"spawn { spawn { wait }; wait }; wait", func(n *node) { _ = n.kill("x", 9); _, _ = n.delete("x") }, 4, annotated(annotation.Descendants, annotation.KeepDescendants)},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				change := c.annotate
				if change == nil {
					change = func(*specs.Spec) {}
				}
				n.create(spec("wait", change))
				n.start("")
				for id, script := range map[string]string{"other": "wait", "x": "sleep 100ms; " + c.script} {
					if err := n.exec(id, script); err != nil {
						t.Fatal(err)
					}
					n.start(id)
				}
				time.Sleep(200 * time.Millisecond)
				if got := n.alive(); got != 5 {
					t.Errorf("%d processes, want 5", got)
				}
				c.act(n)
				time.Sleep(time.Second)
				if got := n.alive(); got != c.left {
					t.Errorf("%d processes are left, want %d", got, c.left)
				}
				n.end()
			})
		})
	}
}

// TestExecWithoutAJob: where Windows does not give an exec a job object of its own, it runs all the same; and a kill that HCS refuses is
// done by the job.
func TestExecWithoutAJob(t *testing.T) {
	for _, text := range []string{
		"AssignProcessToJobObject fail 0x80070005", "AssignProcessToJobObject hang", "AssignProcessToJobObject lose",
		"HcsTerminateProcess fail 0x80004005 times=1",
	} {
		t.Run(text, func(t *testing.T) {
			runFaulty(t, func(t *testing.T, n *node, set *fault.Set) {
				n.create(spec("wait"))
				n.start("")
				set.Add(rule(t, text))
				if err := n.exec("x", "wait"); err != nil {
					t.Fatal(err)
				}
				n.start("x")
				if err := n.kill("x", 9); err != nil {
					t.Errorf("kill: %v", err)
				}
				begin := time.Now()
				if w := n.wait("x"); w.ExitStatus != statusKilled || time.Since(begin) > time.Second {
					t.Errorf("exit %d after %v", w.ExitStatus, time.Since(begin))
				}
				set.Clear()
				n.end()
			})
		})
	}
}

// TestStopEventForAll: TERM reaches everything in the container when the client or the container asks for that, and is told once. What does
// not end by it is killed with the container.
func TestStopEventForAll(t *testing.T) {
	const script = "on CtrlShutdown { print init; sleep 5s; exit 3 }; spawn { spawn { on CtrlShutdown { print orphan; sleep 7s; exit 0 }; wait } }; wait"
	for name, c := range map[string]struct {
		all      bool
		annotate func(*specs.Spec)
		told     bool
	}{
		"the client's all": {true, func(*specs.Spec) {}, true},
		"the annotation":   {false, annotated(annotation.StopScope, annotation.StopContainer), true},
		"both":             {true, annotated(annotation.StopScope, annotation.StopContainer), true},
		"neither":          {false, func(*specs.Spec) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			runFaulty(t, func(t *testing.T, n *node, set *fault.Set) {
				set.Add(rule(t, "HcsShutDownComputeSystem fail 0x80370105 skip=1")) // HCS may refuse to be asked again
				r := n.create(spec(script, c.annotate))
				n.start("")
				x := n.output("x")
				if err := n.exec("x", "on CtrlShutdown { print exec; sleep 500ms; exit 4 }; wait", func(r *taskapi.ExecProcessRequest) { r.Stdout = x }); err != nil {
					t.Fatal(err)
				}
				n.start("x")
				synctest.Wait()
				begin := time.Now()
				for range 2 { // a second TERM changes nothing
					if _, err := n.task.Kill(t.Context(), &taskapi.KillRequest{ID: n.id, Signal: 15, All: c.all}); err != nil {
						t.Errorf("TERM: %v", err)
					}
				}
				time.Sleep(time.Second)
				_, lives := n.svc.State().Processes, n.alive()
				if want := map[bool]int{true: 2, false: 3}[c.told]; lives != want {
					t.Errorf("%d processes after a second, want %d", lives, want)
				}
				w := n.wait("")
				want := map[bool]time.Duration{true: 7 * time.Second, false: 12 * time.Second}[c.told]
				if d := time.Since(begin); w.ExitStatus != 3 || d < want || d > want+time.Second {
					t.Errorf("exit %d after %v, want 3 after %v", w.ExitStatus, d, want)
				}
				got := n.text(r.Stdout)
				if strings.Count(got, "init") < 1 || strings.Count(got, "orphan") != 1 {
					t.Errorf("stdout %q", got)
				}
				if c.told {
					if got := n.text(x); got != "exec\n" {
						t.Errorf("the exec said %q", got)
					}
				}
				n.end()
			})
		})
	}
}

// TestKillAll: KILL for all does not wait for what ignores the stop event; nor does one after everybody has had it.
func TestKillAll(t *testing.T) {
	for name, c := range map[string]struct {
		annotate func(*specs.Spec)
		first    *taskapi.KillRequest
		all      bool
	}{
		"all":                    {func(*specs.Spec) {}, nil, true},
		"after a stop of all":    {annotated(annotation.StopScope, annotation.StopContainer), &taskapi.KillRequest{Signal: 15}, false},
		"after TERM for all":     {func(*specs.Spec) {}, &taskapi.KillRequest{Signal: 15, All: true}, false},
		"after CTRL_C to itself": {func(*specs.Spec) {}, &taskapi.KillRequest{Signal: 0}, true},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				n.create(spec("ignore CtrlShutdown; ignore CtrlC; spawn { ignore CtrlShutdown; wait }; wait", c.annotate))
				n.start("")
				if err := n.exec("x", "ignore CtrlShutdown; spawn { ignore CtrlShutdown; wait }; wait"); err != nil {
					t.Fatal(err)
				}
				n.start("x")
				synctest.Wait()
				if c.first != nil {
					c.first.ID = n.id
					if _, err := n.task.Kill(t.Context(), c.first); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Minute)
				}
				begin := time.Now()
				if _, err := n.task.Kill(t.Context(), &taskapi.KillRequest{ID: n.id, Signal: 9, All: c.all}); err != nil {
					t.Error(err)
				}
				for _, id := range []string{"x", ""} {
					if w := n.wait(id); w.ExitStatus != statusKilled {
						t.Errorf("%q: exit %d", id, w.ExitStatus)
					}
				}
				if d := time.Since(begin); d > 5*time.Second {
					t.Errorf("it took %v", d)
				}
				n.end()
			})
		})
	}
}
