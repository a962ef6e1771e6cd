package shim

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/hcs/sim"
)

func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		r := n.create(spec("print hello; sleep 5s; exit 7"))
		pid := n.start("")
		w := n.wait("")
		if pid == 0 || w.ExitStatus != 7 {
			t.Errorf("pid %d, exit %d", pid, w.ExitStatus)
		}
		if out := n.text(r.Stdout); out != "hello\n" {
			t.Errorf("output %q", out)
		}
		st, err := n.task.State(t.Context(), &taskapi.StateRequest{ID: "web"})
		if err != nil || st.Pid != pid || st.ExitStatus != 7 || !st.ExitedAt.AsTime().Equal(w.ExitedAt.AsTime()) || st.Stdout != r.Stdout || st.Bundle != r.Bundle {
			t.Errorf("state %v, %v", st, err)
		}
		d, err := n.delete("")
		if err != nil || d.ExitStatus != 7 || d.Pid != pid || !d.ExitedAt.AsTime().Equal(w.ExitedAt.AsTime()) {
			t.Errorf("delete %v, %v", d, err)
		}
		time.Sleep(time.Second)
		expect(t, n.seen(), "/tasks/create web", "/tasks/start web", "/tasks/exit web 7", "/tasks/delete web 7")
		n.gone()
	})
}

// run is one test on a node of its own.
func run(t *testing.T, cfg sim.Config, f func(t *testing.T, n *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, cfg, nil)
		f(t, n)
		time.Sleep(time.Second) // the last events
		n.gone()
	})
}

// kind checks the gRPC code of an error.
func kind(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("%s: %v (%s), want %s", what, err, got, want)
	}
}

func TestExecs(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		kind(t, "exec in a created task", n.exec("x", "exit 3"), codes.FailedPrecondition)
		n.start("")
		out := n.output("x-stdout")
		if err := n.exec("x", "print from x; exit 3", func(r *taskapi.ExecProcessRequest) { r.Stdout = out }); err != nil {
			t.Fatal(err)
		}
		kind(t, "second exec of the same id", n.exec("x", "exit 3"), codes.AlreadyExists)
		kind(t, "wait for no exec", waitError(n, "y"), codes.NotFound)
		if pid := n.start("x"); pid == 0 {
			t.Error("no pid")
		}
		if w := n.wait("x"); w.ExitStatus != 3 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		if got := n.text(out); got != "from x\n" {
			t.Errorf("output %q", got)
		}
		kind(t, "kill of an ended exec", n.kill("x", 9), codes.NotFound)
		if d, err := n.delete("x"); err != nil || d.ExitStatus != 3 {
			t.Errorf("delete: %v, %v", d, err)
		}
		_, err := n.delete("x")
		kind(t, "second delete", err, codes.NotFound)

		if err := n.exec("missing", "nosuch.exe"); err != nil {
			t.Fatal(err)
		}
		_, err = n.task.Start(t.Context(), &taskapi.StartRequest{ID: "web", ExecID: "missing"})
		kind(t, "start of a program that is not there", err, codes.NotFound)
		if _, err := n.delete("missing"); err != nil {
			t.Error(err)
		}
		if err := n.exec("left", "wait"); err != nil { // ends with its container
			t.Fatal(err)
		}
		n.start("left")
		_, err = n.delete("")
		kind(t, "delete of a running task", err, codes.FailedPrecondition)
		if err := n.kill("", 9); err != nil {
			t.Fatal(err)
		}
		n.wait("")
		if _, err := n.delete(""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		code := fmt.Sprint(statusKilled)
		expect(t, n.seen(), "/tasks/create web", "/tasks/start web", "/tasks/exec-added x", "/tasks/exec-started x", "/tasks/exit x 3", "/tasks/delete web/x 3",
			"/tasks/exec-added missing", "/tasks/delete web/missing 1", "/tasks/exec-added left", "/tasks/exec-started left",
			"/tasks/exit left "+code, "/tasks/exit web "+code, "/tasks/delete web "+code)
	})
}

func waitError(n *node, exec string) error {
	_, err := n.task.Wait(n.t.Context(), &taskapi.WaitRequest{ID: "web", ExecID: exec})
	return err
}

func TestKillBeforeStart(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		woken := make(chan uint32)
		go func() { woken <- n.wait("").ExitStatus }()
		synctest.Wait()
		kind(t, "TERM of a created task", n.kill("", 15), codes.FailedPrecondition)
		if err := n.kill("", 9); err != nil {
			t.Fatal(err)
		}
		if code := <-woken; code != 1 {
			t.Errorf("woken with %d", code)
		}
		_, err := n.task.Start(t.Context(), &taskapi.StartRequest{ID: "web"})
		kind(t, "start of a stopped task", err, codes.FailedPrecondition)
		kind(t, "kill of a stopped task", n.kill("", 9), codes.NotFound)
		if _, err := n.delete(""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		expect(t, n.seen(), "/tasks/create web", "/tasks/delete web 1")
	})
}

func TestTermIsHandledAndIgnored(t *testing.T) {
	for _, servercore := range []bool{false, true} {
		run(t, sim.Config{ServerCore: servercore}, func(t *testing.T, n *node) {
			r := n.create(spec("on CtrlShutdown { print bye; sleep 20s; exit 5 }; wait"))
			n.start("")
			start := time.Now()
			if err := n.kill("", 15); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("the answer to TERM took %v", d)
			}
			if w := n.wait(""); w.ExitStatus != 5 {
				t.Errorf("exit %d", w.ExitStatus)
			}
			if got := n.text(r.Stdout); got != "bye\n" {
				t.Errorf("output %q", got)
			}
			_, _ = n.delete("")
		})
		run(t, sim.Config{ServerCore: servercore}, func(t *testing.T, n *node) {
			n.create(spec("ignore CtrlShutdown; wait"))
			n.start("")
			if err := n.kill("", 15); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			if err := n.kill("", 9); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if w := n.wait(""); w.ExitStatus != statusKilled {
				t.Errorf("exit %d", w.ExitStatus)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("KILL took %v", d)
			}
			_, _ = n.delete("")
		})
	}
}

func TestReads(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("alloc 8MiB; burn 3s; wait"))
		ps, err := n.task.Pids(t.Context(), &taskapi.PidsRequest{ID: "web"})
		if err != nil || len(ps.Processes) != 1 {
			t.Errorf("pids of a created task: %v, %v: containerd would take it for a leftover", ps, err)
		}
		pid := n.start("")
		if err := n.exec("x", "wait"); err != nil {
			t.Fatal(err)
		}
		xpid := n.start("x")
		time.Sleep(10 * time.Second)
		ps, err = n.task.Pids(t.Context(), &taskapi.PidsRequest{ID: "web"})
		if err != nil {
			t.Fatal(err)
		}
		execs := map[uint32]string{}
		for _, p := range ps.Processes {
			var d runhcs.ProcessDetails
			if err := p.Info.UnmarshalTo(&d); err != nil || d.ProcessID != p.Pid {
				t.Errorf("details %v, %v", p, err)
			}
			execs[p.Pid] = d.ExecID
			if p.Pid == pid && d.UserTime_100Ns < 30_000_000 {
				t.Errorf("user time %d after burning 3 s", d.UserTime_100Ns)
			}
		}
		if x, ok := execs[xpid]; !ok || x != "x" {
			t.Errorf("pids %v do not show exec x with %d", execs, xpid)
		}
		if _, ok := execs[pid]; !ok {
			t.Errorf("pids %v do not show init %d", execs, pid)
		}
		resp, err := n.task.Stats(t.Context(), &taskapi.StatsRequest{ID: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Stats.TypeUrl != "containerd.runhcs.stats.v1.Statistics" {
			t.Errorf("type %s: any other one crashes containerd", resp.Stats.TypeUrl)
		}
		var st stats.Statistics
		if err := proto.Unmarshal(resp.Stats.Value, &st); err != nil {
			t.Fatal(err)
		}
		if w := st.GetWindows(); w.Processor.TotalRuntimeNS < 3e9 || w.Memory.MemoryUsageCommitBytes < 8<<20 || w.UptimeNS < 10e9 || w.Timestamp.AsTime().IsZero() {
			t.Errorf("statistics %v", w)
		}
		c, err := n.task.Connect(t.Context(), &taskapi.ConnectRequest{ID: "web"})
		if err != nil || c.TaskPid != pid || c.ShimPid == 0 {
			t.Errorf("connect %v, %v", c, err)
		}
		_ = n.kill("", 9)
		n.wait("")
		if _, err := n.task.Connect(t.Context(), &taskapi.ConnectRequest{ID: "a-sandbox"}); err != nil {
			t.Errorf("connect of another id: %v: containerd would drop the pod", err)
		}
		_, _ = n.delete("")
	})
}

func TestRefusedVerbsSaySo(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		r := n.create(spec("wait"))
		_, err := n.task.Checkpoint(t.Context(), &taskapi.CheckpointTaskRequest{ID: "web"})
		kind(t, "checkpoint", err, codes.Unimplemented)
		_, err = n.task.Create(t.Context(), r)
		kind(t, "second create", err, codes.AlreadyExists)
		_, _ = n.delete("")
	})
}

func TestOutputIsCompleteAfterTheEnd(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		r := n.create(spec("print 8MiB; exit 0"))
		n.start("")
		n.wait("")
		got := n.text(r.Stdout)
		if sha256.Sum256([]byte(got)) != sha256.Sum256(sim.Pattern(8<<20)) {
			t.Errorf("%d bytes arrived, or not those that were written", len(got))
		}
		_, _ = n.delete("")
	})
}

func TestInputReachesTheProcess(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		r := n.request(spec("echo-stdin; exit 4"))
		var send func([]byte)
		r.Stdin, send = n.input("web-stdin")
		if _, err := n.task.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		n.start("")
		send([]byte("some input"))
		if _, err := n.task.CloseIO(t.Context(), &taskapi.CloseIORequest{ID: "web", Stdin: true}); err != nil {
			t.Fatal(err)
		}
		if w := n.wait(""); w.ExitStatus != 4 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		if got := n.text(r.Stdout); got != "some input" {
			t.Errorf("output %q", got)
		}
		_, _ = n.delete("")
	})
}

func TestResize(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		r := n.request(spec("sleep 1s; size; size-change; exit 0", func(s *specs.Spec) { s.Process.Terminal = true }))
		r.Terminal = true
		if _, err := n.task.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		resize := func(w, h uint32) error {
			_, err := n.task.ResizePty(t.Context(), &taskapi.ResizePtyRequest{ID: "web", Width: w, Height: h})
			return err
		}
		if err := resize(100, 30); err != nil { // before there is a process: remembered
			t.Fatal(err)
		}
		n.start("")
		time.Sleep(2 * time.Second)
		if err := resize(120, 40); err != nil {
			t.Fatal(err)
		}
		n.wait("")
		if got := strings.Fields(n.text(r.Stdout)); !slices.Equal(got, []string{"100x30", "120x40"}) {
			t.Errorf("sizes %q", got)
		}
		kind(t, "resize after the end", resize(1, 1), codes.FailedPrecondition)
		_, _ = n.delete("")
	})
}

func TestBadRequestsLeaveNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(n *node, r *taskapi.CreateTaskRequest)
		code   codes.Code
		names  string
	}{
		"no bundle": {func(n *node, r *taskapi.CreateTaskRequest) { r.Bundle += "x" }, codes.Unknown, "config.json"},
		"annotation": {func(n *node, r *taskapi.CreateTaskRequest) {
			r.Bundle = n.bundle(spec("wait", annotate("io.microsoft.container.memory.sizeinmb", "abc")))
		}, codes.InvalidArgument, "io.microsoft.container.memory.sizeinmb"},
		"no pipe":    {func(n *node, r *taskapi.CreateTaskRequest) { r.Stderr = `\\.\pipe\nobody` }, codes.NotFound, `\\.\pipe\nobody`},
		"logger":     {func(n *node, r *taskapi.CreateTaskRequest) { r.Stdout = "binary:///C:/x.exe" }, codes.NotFound, "x.exe"},
		"no layer":   {func(n *node, r *taskapi.CreateTaskRequest) { r.Rootfs[0].Source = `C:\nowhere` }, codes.NotFound, `C:\nowhere`},
		"checkpoint": {func(n *node, r *taskapi.CreateTaskRequest) { r.Checkpoint = "x" }, codes.Unimplemented, "checkpoint"},
		"terminal":   {func(n *node, r *taskapi.CreateTaskRequest) { r.Terminal = true }, codes.InvalidArgument, "terminal"},
		"mount":      {func(n *node, r *taskapi.CreateTaskRequest) { r.Bundle = n.bundle(spec("wait", mount(`C:\nowhere`))) }, codes.NotFound, `C:\nowhere`},
		"namespace": {func(n *node, r *taskapi.CreateTaskRequest) {
			r.Bundle = n.bundle(spec("wait", func(s *specs.Spec) { s.Windows.Network.NetworkNamespace = "d2348bfa-8458-48a8-bb99-0a7000c73db3" }))
		}, codes.NotFound, "compute system"},
		"options": {func(n *node, r *taskapi.CreateTaskRequest) {
			r.Options = &anypb.Any{TypeUrl: "runtimeoptions.v1.Options", Value: []byte{0x1a, 2, 'x', '='}}
		}, codes.InvalidArgument, "runtime options"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				r := n.request(spec("wait"))
				c.change(n, r)
				_, err := n.task.Create(t.Context(), r)
				kind(t, "create", err, c.code)
				if err != nil && !strings.Contains(err.Error(), c.names) {
					t.Errorf("%v does not name %s", err, c.names)
				}
				_, err = n.delete("")
				kind(t, "delete", err, codes.NotFound)
				expect(t, n.seen())
			})
		})
	}
}

func annotate(k, v string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Annotations = map[string]string{k: v} }
}

func mount(source string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Mounts = []specs.Mount{{Source: source, Destination: `C:\m`}} }
}

func TestServiceRestartEndsTheTaskWithAReason(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		n.start("")
		if err := n.exec("x", "wait"); err != nil {
			t.Fatal(err)
		}
		n.start("x")
		start := time.Now()
		n.svc.Restart()
		if w := n.wait(""); w.ExitStatus != 255 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("told after %v", d)
		}
		if _, err := n.delete(""); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		expect(t, n.seen(), "/tasks/create web", "/tasks/start web", "/tasks/exec-added x", "/tasks/exec-started x", "/tasks/exit x 255", "/tasks/exit web 255", "/tasks/delete web 255")
	})
}

func TestContainerThatOutlivesTheServiceIsFoundAgain(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		r := n.create(spec("on CtrlBreak { print still here; exit 9 }; wait"))
		n.start("")
		if err := n.exec("x", "sleep 60s; exit 4"); err != nil {
			t.Fatal(err)
		}
		n.start("x")
		other, end := n.sweeper() // a second handle keeps the container
		s, err := other.Compute.Open(t.Context(), "web")
		if err != nil {
			t.Fatal(err)
		}
		n.shim.Disconnect()
		time.Sleep(5 * time.Second)
		_ = s.Close()
		end()
		if st, err := n.task.State(t.Context(), &taskapi.StateRequest{ID: "web"}); err != nil || st.Status != tasktypes.Status_RUNNING {
			t.Errorf("state %v, %v", st, err)
		}
		if w := n.wait("x"); w.ExitStatus != 4 {
			t.Errorf("exec exit %d", w.ExitStatus)
		}
		if err := n.kill("", 1); err != nil {
			t.Fatal(err)
		}
		if w := n.wait(""); w.ExitStatus != 9 {
			t.Errorf("exit %d", w.ExitStatus)
		}
		if got := n.text(r.Stdout); got != "still here\n" {
			t.Errorf("output %q", got)
		}
		if _, err := n.delete(""); err != nil {
			t.Error(err)
		}
	})
}
