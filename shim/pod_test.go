package shim

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/annotation"
)

// dialLog is what containerd does when a start command has answered.
func (n *node) dialLog() (net.Conn, error) {
	return n.machine.Host.DialPipe(n.t.Context(), LogAddress(ns, n.id))
}

// TestMemberJoins: the start command answers with the sandbox's shim. containerd dials the container's log pipe right then, looks for it
// for 5 s when it is not there, and keeps the container's end as long; so it must be there, and go with the container.
func TestMemberJoins(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.pod()
		m := n.as("app")
		dir := m.bundle(spec("on CtrlShutdown { exit 5 }; wait", m.place))
		if _, err := m.dialLog(); !errdefs.IsNotFound(err) {
			t.Errorf("the pipe is there too early: %v", err)
		}
		out, err := m.startCommand()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		log, err := m.dialLog()
		if d := time.Since(began); err != nil || d > 0 {
			t.Fatalf("the log pipe accepts after %v, %v", d, err)
		}
		var a struct{ Address string }
		if err := json.Unmarshal([]byte(out), &a); err != nil || a.Address != Address(ns, shimID) {
			t.Errorf("answer %s, %v", out, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "address")); err != nil || string(b) != a.Address {
			t.Errorf("address file: %q, %v", b, err)
		}
		m.create(spec("on CtrlShutdown { exit 5 }; wait", m.place))
		m.start("")
		time.Sleep(2 * time.Second)
		began = time.Now()
		if err := m.kill("", 15); err != nil {
			t.Fatal(err)
		}
		if w := m.wait(""); w.ExitStatus != 5 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		if _, err := m.delete(""); err != nil {
			t.Error(err)
		}
		if _, err := log.Read(make([]byte, 1)); err == nil { // containerd closes its end when it has read to the end
			t.Error("the log pipe says something")
		}
		if d := time.Since(began); d > 300*time.Millisecond {
			t.Errorf("stop and delete took %v", d)
		}
		if _, err := m.dialLog(); !errdefs.IsNotFound(err) {
			t.Errorf("the log pipe is still there: %v", err)
		}
		n.end()
	})
}

// TestLogOfMemberGoesToTheNewestReader: containerd dials again after its restart.
func TestLogOfMemberGoesToTheNewestReader(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.pod()
		m := n.member("app", "wait")
		first, err := m.dialLog()
		if err != nil {
			t.Fatal(err)
		}
		second, err := m.dialLog()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.Read(make([]byte, 1)); err == nil {
			t.Error("the old reader gets something")
		}
		_ = second.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := second.Read(make([]byte, 1)); !os.IsTimeout(err) {
			t.Errorf("the new reader is not kept: %v", err)
		}
		m.end()
		n.end()
	})
}

// TestStartRefuses: what is wrong with a pod's container is said by the start command, with the annotation's name.
func TestStartRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		before        func(n *node)
		kind, sandbox string
		names         []string
	}{
		"no such pod":         {(*node).pod, "container", "nowhere", []string{annotation.CRISandboxID, "nowhere", "not serve"}},
		"member of itself":    {(*node).pod, "container", "app", []string{annotation.CRISandboxID, "app"}},
		"another's sandbox":   {(*node).pod, "sandbox", shimID, []string{annotation.CRISandboxID, shimID}},
		"type of no kind":     {(*node).pod, "pause", shimID, []string{annotation.CRIContainerType, "pause"}},
		"sandbox not created": {func(*node) {}, "container", shimID, []string{annotation.CRISandboxID, "not found"}},
		"not a sandbox":       {func(n *node) { n.create(spec("wait")); n.start("") }, "container", shimID, []string{annotation.CRISandboxID}},
		"sandbox not started": {func(n *node) {
			n.svc.AddNamespace(podNamespace)
			if _, err := n.task.Create(n.t.Context(), n.sandboxRequest()); err != nil {
				n.t.Fatal(err)
			}
		}, "container", shimID, []string{annotation.CRISandboxID, "created, not running"}},
		"sandbox ended": {func(n *node) {
			n.pod()
			if err := n.kill("", 9); err != nil {
				n.t.Error(err)
			}
			n.wait("")
		}, "container", shimID, []string{annotation.CRISandboxID, "stopped, not running"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				c.before(n)
				m := n.as("app")
				m.bundle(spec("wait", inPod(c.kind, c.sandbox)))
				out, err := m.startCommand()
				for _, s := range c.names {
					if err == nil || !strings.Contains(err.Error(), s) {
						t.Errorf("%q, %v does not name %s", out, err, s)
					}
				}
				if _, err := m.dialLog(); !errdefs.IsNotFound(err) {
					t.Errorf("a log pipe was left: %v", err)
				}
				_ = n.kill("", 9)
				_, _ = n.task.Wait(t.Context(), &taskapi.WaitRequest{ID: n.id})
				_, _ = n.delete("")
			})
		})
	}
}

// TestCreateRefuses: containerd from 2.3 on runs no start command for a pod's container, so create looks for itself.
func TestCreateRefuses(t *testing.T) {
	network := func(id string) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Windows.Network.NetworkNamespace = id }
	}
	for name, c := range map[string]struct {
		id     string
		change []func(*specs.Spec)
		code   codes.Code
		names  string
	}{
		"another network":    {"app", []func(*specs.Spec){inPod("container", shimID), network("11111111-2222-3333-4444-555555555555")}, codes.InvalidArgument, "networkNamespace"},
		"no network":         {"app", []func(*specs.Spec){inPod("container", shimID), network("")}, codes.InvalidArgument, "networkNamespace"},
		"another pod":        {"app", []func(*specs.Spec){inPod("container", "other")}, codes.FailedPrecondition, annotation.CRISandboxID + `="other"`},
		"member of itself":   {"app", []func(*specs.Spec){inPod("container", "app")}, codes.InvalidArgument, annotation.CRISandboxID},
		"second sandbox":     {shimID, []func(*specs.Spec){inPod("sandbox", shimID)}, codes.AlreadyExists, shimID},
		"no such namespace":  {"two", []func(*specs.Spec){inPod("sandbox", "two"), network("11111111-2222-3333-4444-555555555555")}, codes.NotFound, "11111111-2222-3333-4444-555555555555"},
		"without namespace":  {"two", []func(*specs.Spec){inPod("sandbox", "two"), network("")}, codes.InvalidArgument, "windows.network.networkNamespace"},
		"sandbox's terminal": {"two", []func(*specs.Spec){inPod("sandbox", "two"), func(s *specs.Spec) { s.Process.Terminal = true }}, codes.InvalidArgument, "process.terminal"},
		"another isolation": {"app", []func(*specs.Spec){inPod("container", shimID), func(s *specs.Spec) {
			s.Annotations[annotation.HostProcess] = "true"
		}}, codes.Unimplemented, annotation.HostProcess},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				n.pod()
				m := n.as(c.id)
				_, err := m.task.Create(t.Context(), m.request(spec("wait", c.change...)))
				kind(t, "create", err, c.code)
				if err != nil && !strings.Contains(err.Error(), c.names) {
					t.Errorf("%v does not name %s", err, c.names)
				}
				n.end()
			})
		})
	}
}

func TestSandboxAnswersEveryQuestion(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.pod()
		m := n.member("app", "wait")
		ctx, self := t.Context(), uint32(os.Getpid())
		time.Sleep(10 * time.Second)
		if st, err := n.task.State(ctx, &taskapi.StateRequest{ID: n.id}); err != nil || st.Pid != self {
			t.Errorf("state %v, %v", st, err)
		}
		if ps, err := n.task.Pids(ctx, &taskapi.PidsRequest{ID: n.id}); err != nil || len(ps.Processes) != 1 || ps.Processes[0].Pid != self {
			t.Errorf("pids %v, %v", ps, err)
		}
		for _, x := range []*node{n, m} {
			st, err := x.task.State(ctx, &taskapi.StateRequest{ID: x.id})
			if err != nil {
				t.Fatal(err)
			}
			if c, err := x.task.Connect(ctx, &taskapi.ConnectRequest{ID: x.id}); err != nil || c.TaskPid != st.Pid || c.ShimPid != self {
				t.Errorf("connect %s: %v, %v", x.id, c, err)
			}
		}
		r, err := n.task.Stats(ctx, &taskapi.StatsRequest{ID: n.id})
		if err != nil {
			t.Fatal(err)
		}
		var s stats.Statistics
		if err := proto.Unmarshal(r.Stats.Value, &s); err != nil {
			t.Fatal(err)
		}
		w := s.GetWindows()
		if w.Processor == nil || w.Processor.TotalRuntimeNS != 0 || w.Memory == nil || w.Memory.MemoryUsagePrivateWorkingSetBytes != 0 || w.Storage == nil {
			t.Errorf("statistics of nothing: %v", w)
		}
		if at := w.Timestamp.AsTime(); !at.Equal(time.Now()) || w.UptimeNS != 10e9 || !w.ContainerStartTime.AsTime().Equal(at.Add(-10*time.Second)) {
			t.Errorf("statistics' times: %v", w)
		}
		if _, err := n.task.ResizePty(ctx, &taskapi.ResizePtyRequest{ID: n.id, Width: 80, Height: 25}); err != nil {
			t.Errorf("resize: %v", err)
		}
		if _, err := n.task.CloseIO(ctx, &taskapi.CloseIORequest{ID: n.id, Stdin: true}); err != nil {
			t.Errorf("close: %v", err)
		}
		kind(t, "exec", n.exec("x", "exit 3"), codes.Unimplemented)
		kind(t, "pause", n.pause(), codes.Unimplemented)
		kind(t, "signal of no kind", n.kill("", 77), codes.InvalidArgument)
		m.end()
		n.end()
	})
}

// TestSandboxEndsItsStreams: CRI gives a sandbox none, another client may wait for their end.
func TestSandboxEndsItsStreams(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.svc.AddNamespace(podNamespace)
		r := n.request(spec("pause.exe", inPod("sandbox", n.id)))
		if _, err := n.task.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		n.start("")
		n.end()
		if got := n.text(r.Stdout); got != "" {
			t.Errorf("output %q", got)
		}
	})
}

func TestContainersOfAPodAreSeparate(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.pod()
		a, b := n.member("a", "wait"), n.member("b", "wait")
		for i, m := range []*node{a, b} {
			if err := m.exec("x", fmt.Sprint("exit ", 3+i)); err != nil {
				t.Fatal(err)
			}
			m.start("x")
		}
		for i, m := range []*node{a, b} {
			if w := m.wait("x"); w.ExitStatus != uint32(3+i) {
				t.Errorf("exec x in %s: exit %d", m.id, w.ExitStatus)
			}
		}
		if _, err := a.delete("x"); err != nil {
			t.Error(err)
		}
		if _, err := b.task.State(t.Context(), &taskapi.StateRequest{ID: b.id, ExecID: "x"}); err != nil {
			t.Errorf("b lost its x with a's: %v", err)
		}
		a.end()
		if _, err := a.task.Shutdown(t.Context(), &taskapi.ShutdownRequest{ID: a.id}); err != nil {
			t.Error(err)
		}
		a.deleteCommand()
		if err := b.exec("y", "exit 6"); err != nil {
			t.Fatalf("the shim ended with one of its containers: %v", err)
		}
		b.start("y")
		if w := b.wait("y"); w.ExitStatus != 6 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		b.end()
		if _, err := b.task.Shutdown(t.Context(), &taskapi.ShutdownRequest{ID: b.id}); err != nil {
			t.Error(err)
		}
		n.end()
	})
}

// TestShimEndsWithItsLastTask, whichever that is: the sandbox's task may be deleted before those of its containers.
func TestShimEndsWithItsLastTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.pod()
		m := n.member("app", "wait")
		n.end()
		if _, err := n.task.Shutdown(t.Context(), &taskapi.ShutdownRequest{ID: n.id}); err != nil {
			t.Error(err)
		}
		n.deleteCommand()
		time.Sleep(time.Second)
		if _, err := m.delete(""); err != nil {
			t.Fatalf("delete after the sandbox's: %v", err)
		}
		if _, err := m.task.Shutdown(t.Context(), &taskapi.ShutdownRequest{ID: m.id}); err != nil {
			t.Error(err)
		}
		_ = n.client.Close()
		select {
		case err := <-n.served:
			if err != nil {
				t.Error(err)
			}
			n.served <- nil
		case <-time.After(10 * time.Second):
			t.Error("the shim is still there")
		}
		n.crashed = true // nothing more to ask it
		n.gone()
	})
}

// TestSandboxEndsWhatWasNotStarted: a container that was only created, and one whose create hangs.
func TestSandboxEndsWhatWasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		n.pod()
		made, making := n.as("made"), n.as("making")
		made.create(spec("wait", made.place))
		hang, err := fault.Parse("PrepareLayer hang")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(hang)
		created := make(chan error, 1)
		go func() {
			_, err := making.task.Create(t.Context(), making.request(spec("wait", making.place)))
			created <- err
		}()
		time.Sleep(time.Second)
		if err := n.kill("", 9); err != nil {
			t.Fatal(err)
		}
		if w := n.wait(""); w.ExitStatus != 0 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		synctest.Wait() // the answers come over two connections
		select {
		case err := <-created:
			if err == nil {
				t.Error("a container was created in a pod that had ended")
			}
		default:
			t.Error("the sandbox ended before a create in its pod was answered")
		}
		if w := made.wait(""); w.ExitStatus != 1 {
			t.Errorf("exit %d of what never ran", w.ExitStatus)
		}
		set.Clear()
		for _, x := range []*node{made, n} {
			if _, err := x.delete(""); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
		expect(t, n.seen(), "/tasks/create web", "/tasks/start web", "/tasks/create made", "/tasks/exit web 0", "/tasks/delete made 1", "/tasks/delete web 0")
		n.gone()
	})
}

// TestSandboxCanBeAContainer: by annotation, the sandbox is what Microsoft's shim makes of it, under the same rules.
func TestSandboxCanBeAContainer(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.svc.AddNamespace(podNamespace)
		pause := func(s *specs.Spec) { s.Annotations[annotation.PauseContainer] = "true" }
		if _, err := n.task.Create(t.Context(), n.request(spec("wait", inPod("sandbox", n.id), pause))); err != nil {
			t.Fatal(err)
		}
		if pid := n.start(""); pid == uint32(os.Getpid()) {
			t.Error("it is a record")
		}
		m := n.member("app", "wait")
		if err := n.exec("x", "exit 3"); err != nil {
			t.Error(err)
		}
		if err := n.kill("", 9); err != nil {
			t.Fatal(err)
		}
		n.wait("")
		for _, x := range []*node{n, m} {
			if _, err := x.delete(""); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
		code := fmt.Sprint(statusKilled)
		expect(t, n.seen(), "/tasks/create web", "/tasks/start web", "/tasks/create app", "/tasks/start app", "/tasks/exec-added x",
			"/tasks/exit app "+code, "/tasks/exit web "+code, "/tasks/delete web "+code, "/tasks/delete app "+code)
	})
}
