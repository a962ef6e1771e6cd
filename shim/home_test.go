package shim

import (
	"os"
	"strings"
	"testing"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/annotation"
)

// TestJoinOfAnOtherShim: one of before an upgrade, or Microsoft's, serves the task API at the same address and knows nothing of ours.
func TestJoinOfAnOtherShim(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		l, err := n.machine.Host.ListenPipe(Address(ns, "old"))
		if err != nil {
			t.Fatal(err)
		}
		server, err := ttrpc.NewServer()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		server.Register("containerd.task.v2.Task", map[string]ttrpc.Method{})
		go func() { _ = server.Serve(t.Context(), guarded{l}) }()
		m := n.as("app")
		m.bundle(spec("wait", inPod("container", "old")))
		if out, err := m.startCommand(); err != nil || !strings.Contains(out, "-old-pipe") {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// TestHomeOf: a sandbox of the sandbox API has no spec, and a bundle that cannot be read is nobody's.
func TestHomeOf(t *testing.T) {
	dir := t.TempDir()
	if home, err := homeOf(dir, "web"); err != nil || home != "web" {
		t.Errorf("without a spec: %q, %v", home, err)
	}
	if err := os.WriteFile(dir+"/config.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := homeOf(dir, "web"); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("half a spec: %v", err)
	}
}

// TestOptionsAreTheShimsUnlessGiven: create requests of the sandbox API carry another runtime's options, or none.
func TestOptionsAreTheShimsUnlessGiven(t *testing.T) {
	bad := func(v string) *runhcs.Options {
		return &runhcs.Options{DefaultContainerAnnotations: map[string]string{annotation.MemoryMB: v}}
	}
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.options = bad("the shim's")
		n.restart()
		for want, given := range map[string]*anypb.Any{
			"the shim's": nil, `"the shim's"`: {TypeUrl: "containerd.runc.v1.Options"}, "its own": packed(t, bad("its own")),
		} {
			r := n.request(spec("wait"))
			r.Options = given
			_, err := n.task.Create(t.Context(), r)
			kind(t, "create", err, codes.InvalidArgument)
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not come from %s", err, want)
			}
		}
	})
}

// TestDeserted: containerd removes the directories of a pod one after the other, in any order.
func TestDeserted(t *testing.T) {
	own, sandbox, member := t.TempDir(), t.TempDir(), t.TempDir()
	tasks := task.Snapshot{}
	for id, dir := range map[string]string{"web": sandbox, "app": member} {
		tasks[id] = &task.Task{Init: task.Status{Detail: task.Detail{Bundle: dir}}}
	}
	for _, dir := range []string{own, sandbox, member} {
		if deserted(own, tasks) {
			t.Errorf("deserted although %s is there", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if !deserted(own, tasks) {
		t.Error("not deserted although all is gone")
	}
}

// restart ends the shim, which has nothing, and starts another.
func (n *node) restart() {
	n.t.Helper()
	if _, err := n.task.Shutdown(n.t.Context(), &taskapi.ShutdownRequest{ID: n.id}); err != nil {
		n.t.Fatal(err)
	}
	_ = n.client.Close()
	if err := <-n.served; err != nil {
		n.t.Fatal(err)
	}
	n.boot(nil)
}
