package shim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs/sim"
)

// verbs are what a client asks of an exec, in any order.
var verbs = map[string]func(n *node, ctx context.Context, id string) error{
	"exec": func(n *node, ctx context.Context, id string) error {
		return n.exec(id, "wait", func(r *taskapi.ExecProcessRequest) { r.Stdin = "" })
	},
	"start": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.Start(ctx, &taskapi.StartRequest{ID: n.id, ExecID: id})
		return err
	},
	"resize": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.ResizePty(ctx, &taskapi.ResizePtyRequest{ID: n.id, ExecID: id, Width: 80, Height: 25})
		return err
	},
	"close-io": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.CloseIO(ctx, &taskapi.CloseIORequest{ID: n.id, ExecID: id, Stdin: true})
		return err
	},
	"kill": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.Kill(ctx, &taskapi.KillRequest{ID: n.id, ExecID: id, Signal: 9})
		return err
	},
	"term": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.Kill(ctx, &taskapi.KillRequest{ID: n.id, ExecID: id, Signal: 15})
		return err
	},
	"wait": func(n *node, ctx context.Context, id string) error {
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err := n.task.Wait(ctx, &taskapi.WaitRequest{ID: n.id, ExecID: id})
		if errors.Is(err, context.DeadlineExceeded) {
			err = status.Error(codes.DeadlineExceeded, "nobody has told its end")
		}
		return err
	},
	"delete": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.Delete(ctx, &taskapi.DeleteRequest{ID: n.id, ExecID: id})
		return err
	},
	"state": func(n *node, ctx context.Context, id string) error {
		_, err := n.task.State(ctx, &taskapi.StateRequest{ID: n.id, ExecID: id})
		return err
	},
	"pause":  func(n *node, _ context.Context, _ string) error { return n.pause() },
	"resume": func(n *node, _ context.Context, _ string) error { return n.resume() },
}

var verbNames = []string{"exec", "start", "resize", "close-io", "kill", "term", "wait", "delete", "state", "pause", "resume", "exec", "start", "delete"}

// execModel is what is to become of the execs when one call follows the other.
type execModel struct {
	paused bool
	state  map[string]tasktypes.Status // none: there is no such exec
	termed map[string]bool             // while it was paused
}

// ask is the answer that a call must get.
func (m *execModel) ask(verb, id string) codes.Code {
	st, there := m.state[id]
	created, running := st == tasktypes.Status_CREATED, st == tasktypes.Status_RUNNING
	switch verb {
	case "pause", "resume":
		if m.paused == (verb == "pause") {
			return codes.FailedPrecondition
		}
		m.paused = !m.paused
		for id := range m.termed {
			m.state[id] = tasktypes.Status_STOPPED
		}
		clear(m.termed)
		return codes.OK
	case "exec":
		switch {
		case there:
			return codes.AlreadyExists
		case m.paused:
			return codes.FailedPrecondition
		}
		m.state[id] = tasktypes.Status_CREATED
		return codes.OK
	}
	if !there {
		return codes.NotFound
	}
	switch verb {
	case "start":
		if !created || m.paused {
			return codes.FailedPrecondition
		}
		m.state[id] = tasktypes.Status_RUNNING
	case "resize":
		if !created && !running {
			return codes.FailedPrecondition
		}
	case "kill", "term":
		switch {
		case !created && !running:
			return codes.NotFound
		case created && verb == "term":
			return codes.FailedPrecondition
		case verb == "term" && m.paused:
			m.termed[id] = true
			return codes.OK
		}
		m.state[id] = tasktypes.Status_STOPPED
		delete(m.termed, id)
	case "wait":
		if created || running {
			return codes.DeadlineExceeded
		}
	case "delete":
		if running {
			return codes.FailedPrecondition
		}
		delete(m.state, id)
	}
	return codes.OK
}

// TestExecCallsInAnyOrder: each call in a random order is answered as the model says, and State agrees with it.
func TestExecCallsInAnyOrder(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		run(t, sim.Config{}, func(t *testing.T, n *node) {
			n.create(spec("wait"))
			n.start("")
			rng := rand.New(rand.NewPCG(seed, 2))
			m := execModel{state: map[string]tasktypes.Status{}, termed: map[string]bool{}}
			var story []string
			for range 120 {
				if t.Failed() {
					break
				}
				verb, id := verbNames[rng.IntN(len(verbNames))], []string{"x", "y", "z"}[rng.IntN(3)]
				story = append(story, verb+" "+id)
				want := m.ask(verb, id)
				if got := status.Code(verbs[verb](n, t.Context(), id)); got != want {
					t.Errorf("seed %d: %s, want %s, after %q", seed, got, want, story)
				}
				time.Sleep(10 * time.Millisecond) // what follows from it
				for id, want := range m.state {
					if got := n.stateOf(id); got != want {
						t.Errorf("seed %d: %s is %s, want %s, after %q", seed, id, got, want, story)
					}
				}
			}
			n.end()
		})
	}
}

// contract are the events of an exec id, in the order of its lives.
var contract = regexp.MustCompile(`^(added (started exit )?deleted )*(added (started (exit )?)?)?$`)

// TestExecCallsAtOnce: eight clients that know nothing of each other get no other answers than those there are for a client that comes too
// early or too late, the events of every exec are in order, and nothing is left.
func TestExecCallsAtOnce(t *testing.T) {
	may := map[codes.Code]bool{
		codes.OK: true, codes.NotFound: true, codes.AlreadyExists: true, codes.FailedPrecondition: true, codes.DeadlineExceeded: true,
	}
	for seed := uint64(1); seed <= 10; seed++ {
		run(t, sim.Config{}, func(t *testing.T, n *node) {
			n.create(spec("wait"))
			n.start("")
			var clients sync.WaitGroup
			for c := range uint64(8) {
				clients.Go(func() {
					rng := rand.New(rand.NewPCG(seed, c))
					for range 100 {
						verb, id := verbNames[rng.IntN(len(verbNames))], []string{"x", "y", "z"}[rng.IntN(3)]
						if got := status.Code(verbs[verb](n, t.Context(), id)); !may[got] {
							t.Errorf("seed %d: %s %s: %s", seed, verb, id, got)
						}
						if rng.IntN(4) == 0 {
							time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond)
						}
					}
				})
			}
			clients.Wait()
			synctest.Wait()
			_ = n.resume()
			n.end()
			time.Sleep(time.Second)
			lives := map[string]string{}
			for _, e := range n.seen() {
				topic, id, _ := strings.Cut(strings.TrimPrefix(e, "/tasks/"), " ")
				id, _, _ = strings.Cut(strings.TrimPrefix(id, n.id+"/"), " ")
				if word := map[string]string{"exec-added": "added", "exec-started": "started", "exit": "exit", "delete": "deleted"}[topic]; word != "" && id != n.id {
					lives[id] += word + " "
				}
			}
			if len(lives) == 0 {
				t.Error("no exec has lived")
			}
			for id, told := range lives {
				if !contract.MatchString(told) {
					t.Errorf("seed %d: events of %s: %s", seed, id, told)
				}
			}
		})
	}
}

// TestManyExecsAtOnce: a hundred at the same time, each with its own output and code.
func TestManyExecsAtOnce(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		n.start("")
		var all sync.WaitGroup
		for i := range 100 {
			id := fmt.Sprint("x", i)
			out := n.output(id)
			all.Go(func() {
				if err := n.exec(id, fmt.Sprintf("print %d; sleep 1s; exit %d", i, i), func(r *taskapi.ExecProcessRequest) { r.Stdout = out }); err != nil {
					t.Error(err)
					return
				}
				if err := verbs["start"](n, t.Context(), id); err != nil {
					t.Error(err)
					return
				}
				if w := n.wait(id); int(w.ExitStatus) != i {
					t.Errorf("%s: exit %d", id, w.ExitStatus)
				}
				if got := n.text(out); got != fmt.Sprintln(i) {
					t.Errorf("%s: stdout %q", id, got)
				}
				if err := verbs["delete"](n, t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		n.end()
	})
}
