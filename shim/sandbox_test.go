package shim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/shim/sandboxpb"
	"containerd-shim-hcs/task/annotation"
)

// sandbox makes one call of the sandbox API.
func (n *node) sandbox(method string, req, resp proto.Message) error {
	return errgrpc.ToNative(n.client.Call(n.t.Context(), "containerd.runtime.sandbox.v1.Sandbox", method, req, resp))
}

// shutDown ends the sandbox, and the shim with it.
func (n *node) shutDown() {
	n.t.Helper()
	if err := n.sandbox("ShutdownSandbox", &sandboxpb.SandboxRequest{SandboxId: n.id}, &sandboxpb.Empty{}); err != nil {
		n.t.Errorf("shutdown: %v", err)
	}
	n.crashed = true
}

func (n *node) status() *sandboxpb.SandboxStatusResponse {
	n.t.Helper()
	var st sandboxpb.SandboxStatusResponse
	if err := n.sandbox("SandboxStatus", &sandboxpb.SandboxStatusRequest{SandboxId: n.id, Verbose: true}, &st); err != nil {
		n.t.Fatalf("status: %v", err)
	}
	return &st
}

func options(c *sandboxpb.PodSandboxConfig) *anypb.Any {
	b, _ := proto.Marshal(c)
	return &anypb.Any{TypeUrl: podConfigType, Value: b}
}

func createRequest(hostProcess bool) *sandboxpb.CreateSandboxRequest {
	return &sandboxpb.CreateSandboxRequest{SandboxId: shimID, NetnsPath: podNamespace, Options: options(&sandboxpb.PodSandboxConfig{
		Windows: &sandboxpb.WindowsPodSandboxConfig{SecurityContext: &sandboxpb.WindowsSandboxSecurityContext{HostProcess: hostProcess}},
	})}
}

// sandboxed creates and starts the pod by the sandbox API.
func (n *node) sandboxed() {
	n.t.Helper()
	n.svc.AddNamespace(podNamespace)
	if err := n.sandbox("CreateSandbox", createRequest(false), &sandboxpb.CreateSandboxResponse{}); err != nil {
		n.t.Fatalf("create sandbox: %v", err)
	}
	var started sandboxpb.StartSandboxResponse
	if err := n.sandbox("StartSandbox", &sandboxpb.SandboxRequest{SandboxId: n.id}, &started); err != nil || started.Pid == 0 || started.CreatedAt.AsTime().Before(time.Unix(1, 0)) {
		n.t.Fatalf("start sandbox: %v %v", &started, err)
	}
}

// podUse is what the sandbox's metrics say.
func (n *node) podUse() *stats.WindowsContainerStatistics {
	n.t.Helper()
	var metrics sandboxpb.SandboxMetricsResponse
	if err := n.sandbox("SandboxMetrics", &sandboxpb.SandboxRequest{SandboxId: n.id}, &metrics); err != nil || metrics.Metrics.ID != n.id {
		n.t.Fatalf("metrics %v, %v", &metrics, err)
	}
	v, err := typeurl.UnmarshalAny(metrics.Metrics.Data)
	s, ok := v.(*stats.Statistics)
	if err != nil || !ok {
		n.t.Fatalf("metrics %v, %v", v, err)
	}
	return s.GetWindows()
}

// TestPodUseNeverFalls: times and counts of a pod are those of the containers that it has and that it had.
func TestPodUseNeverFalls(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.sandboxed()
		var last uint64
		for i := range 3 {
			m := n.member(fmt.Sprint("app", i), "alloc 6MiB; burn 3s; wait")
			time.Sleep(5 * time.Second)
			for _, step := range []struct {
				name   string
				do     func()
				memory uint64
			}{
				{"running", func() {}, 6 << 20},
				{"stopped", func() { _ = m.kill("", 9); m.wait("") }, 0},
				{"deleted", func() { _, _ = m.delete("") }, 0},
			} {
				step.do()
				use := n.podUse()
				now := use.Processor.TotalRuntimeNS
				if want := uint64(i+1) * 3e9; now < last || now < want || use.Memory.MemoryUsageCommitBytes != step.memory {
					t.Errorf("container %d %s: %v, want at least %d ns, %d before", i, step.name, use, want, last)
				}
				last = now
			}
		}
		n.shutDown()
	})
}

func TestSandboxLife(t *testing.T) {
	run(t, sim.Config{Facts: hcs.Facts{Build: 20348, Revision: 2113}}, func(t *testing.T, n *node) {
		n.sandboxed()
		one := &sandboxpb.SandboxRequest{SandboxId: n.id}
		if st := n.status(); st.State != sandboxReady || st.ExitedAt != nil || st.Info["networkNamespace"] != podNamespace {
			t.Errorf("status %v", st)
		}
		var p sandboxpb.PlatformResponse
		if err := n.sandbox("Platform", one, &p); err != nil || p.Platform.OS != "windows" || p.Platform.OSVersion != "10.0.20348.2113" {
			t.Errorf("platform %v, %v", &p, err)
		}
		if err := n.sandbox("PingSandbox", one, &sandboxpb.Empty{}); err != nil {
			t.Errorf("ping: %v", err)
		}
		m := n.member("app", "alloc 6MiB; wait")
		synctest.Wait() // it has the memory
		if use := n.podUse(); use.Memory.MemoryUsageCommitBytes != 6<<20 {
			t.Errorf("metrics %v: the container has 6 MiB", use)
		}
		// containerd asks for an end after every task; the sandbox keeps the shim.
		m.end()
		m = n.member("app2", "wait")

		exit := make(chan *sandboxpb.WaitSandboxResponse, 1)
		go func() {
			var w sandboxpb.WaitSandboxResponse
			if err := n.sandbox("WaitSandbox", one, &w); err != nil {
				t.Errorf("wait: %v", err)
			}
			exit <- &w
		}()
		if err := n.sandbox("StopSandbox", &sandboxpb.StopSandboxRequest{SandboxId: n.id, TimeoutSecs: 30}, &sandboxpb.Empty{}); err != nil {
			t.Fatalf("stop: %v", err)
		}
		w := <-exit
		if m.wait("").ExitedAt.AsTime().After(w.ExitedAt.AsTime()) {
			t.Error("the sandbox ended before its container")
		}
		for range 2 { // all of it works after the end too
			if st := n.status(); st.State != sandboxNotReady || !st.ExitedAt.AsTime().Equal(w.ExitedAt.AsTime()) {
				t.Errorf("status after the end: %v", st)
			}
			if err := n.sandbox("WaitSandbox", one, &sandboxpb.WaitSandboxResponse{}); err != nil {
				t.Errorf("wait after the end: %v", err)
			}
			if err := n.sandbox("StopSandbox", &sandboxpb.StopSandboxRequest{SandboxId: n.id}, &sandboxpb.Empty{}); err != nil {
				t.Errorf("stop after the end: %v", err)
			}
		}
		if _, err := m.delete(""); err != nil {
			t.Error(err)
		}
		if slices.ContainsFunc(n.seen(), func(e string) bool { return strings.Contains(e, " "+n.id) }) {
			t.Errorf("the sandbox was told of as a task: %v", n.seen())
		}
		n.shutDown()
	})
}

// TestSandboxAPILeavesTasksAlone: its calls are about the sandbox that they made, and no container is touched by them.
func TestSandboxAPILeavesTasksAlone(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		for _, method := range []string{"StartSandbox", "StopSandbox", "ShutdownSandbox"} {
			err := n.sandbox(method, &sandboxpb.SandboxRequest{SandboxId: n.id}, &sandboxpb.Empty{})
			if err != nil && !errdefs.IsNotFound(err) {
				t.Errorf("%s: %v", method, err)
			}
		}
		if st, err := n.task.State(t.Context(), &taskapi.StateRequest{ID: n.id}); err != nil || st.Status != tasktypes.Status_CREATED {
			t.Errorf("the container is %v, %v", st.GetStatus(), err)
		}
		n.start("")
		n.end()
		time.Sleep(time.Second) // the last events
		if !slices.ContainsFunc(n.seen(), func(e string) bool { return strings.Contains(e, "/tasks/exit "+n.id) }) {
			t.Errorf("events %v", n.seen())
		}
	})
}

func TestSandboxRefusals(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.svc.AddNamespace(podNamespace)
		for name, c := range map[string]struct {
			change func(*sandboxpb.CreateSandboxRequest)
			kind   func(error) bool
			says   string
		}{
			"another id":    {func(r *sandboxpb.CreateSandboxRequest) { r.SandboxId = "other" }, errdefs.IsInvalidArgument, "sandbox_id"},
			"no namespace":  {func(r *sandboxpb.CreateSandboxRequest) { r.NetnsPath = "" }, errdefs.IsInvalidArgument, "netns_path"},
			"bad namespace": {func(r *sandboxpb.CreateSandboxRequest) { r.NetnsPath = "x" }, errdefs.IsInvalidArgument, "amespace"},
			"not there":     {func(r *sandboxpb.CreateSandboxRequest) { r.NetnsPath = strings.Replace(podNamespace, "d", "e", 1) }, errdefs.IsNotFound, "namespace"},
			"options":       {func(r *sandboxpb.CreateSandboxRequest) { r.Options.TypeUrl = "x" }, errdefs.IsInvalidArgument, "options"},
			"torn options":  {func(r *sandboxpb.CreateSandboxRequest) { r.Options.Value = []byte{0xff} }, errdefs.IsInvalidArgument, "options"},
			"pause": {func(r *sandboxpb.CreateSandboxRequest) {
				r.Options = options(&sandboxpb.PodSandboxConfig{Annotations: map[string]string{annotation.PauseContainer: "true"}})
			}, errdefs.IsNotImplemented, annotation.PauseContainer},
			"HostProcess": {func(r *sandboxpb.CreateSandboxRequest) { r.Options = createRequest(true).Options }, errdefs.IsNotImplemented, "host_process"},
		} {
			r := createRequest(false)
			c.change(r)
			if err := n.sandbox("CreateSandbox", r, &sandboxpb.CreateSandboxResponse{}); !c.kind(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		one := &sandboxpb.SandboxRequest{SandboxId: n.id}
		for _, method := range []string{"StartSandbox", "Platform", "WaitSandbox", "PingSandbox", "SandboxMetrics", "StopSandbox", "SandboxStatus"} {
			if err := n.sandbox(method, one, &sandboxpb.Empty{}); !errdefs.IsNotFound(err) {
				t.Errorf("%s before create: %v", method, err)
			}
		}
		if err := n.sandbox("UpdateSandbox", one, &sandboxpb.Empty{}); !errdefs.IsNotImplemented(err) {
			t.Errorf("update: %v", err)
		}
		// A create that was refused can be repeated, and once is enough.
		n.sandboxed()
		if err := n.sandbox("CreateSandbox", createRequest(false), &sandboxpb.CreateSandboxResponse{}); !errdefs.IsAlreadyExists(err) {
			t.Errorf("a second create: %v", err)
		}
		n.shutDown() // a running one is stopped
	})
}
