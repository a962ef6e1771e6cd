package main

import (
	"fmt"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/test/conform/node"
)

var soakCases = []Case{{Name: "soak/execs-leave-nothing-in-the-shim", Run: soak, Limit: 4 * time.Hour}}

// soakers is how many execs are there at once, as probes of one container may be.
const soakers = 4

// soak runs execs in one container and compares what the shim's process has before and after. The first tenth is not measured: it
// fills what a process fills once, and with more of them at once than follow, so that the Go runtime has made its threads. On Windows the heap is not to be seen from outside; the same in process, with the heap, is the
// soak test of package shim.
func soak(t *T) {
	b := t.run("print", "up", "--", "sleep", "4h")
	b.says("up")
	shims, err := node.ProgramsNamed(node.ShimExe(t.o.runtime))
	t.Must(err, "look for the shim")
	t.Want(len(shims) == 1, "%d shims, want 1", len(shims))
	t.execs(b, max(t.o.cycles/10, 25*soakers), 4*soakers)
	before := t.footprint(shims[0])
	began := time.Now()
	t.execs(b, t.o.cycles, soakers)
	took := time.Since(began)
	after := t.footprint(shims[0])
	t.Say("%-24s %10s %10s", fmt.Sprintf("%d execs", t.o.cycles), "before", "after")
	for i, x := range after {
		t.Say("%-24s %10d %10d", x.Name, before[i].N, x.N)
	}
	t.Say("%.1f execs a second", float64(t.o.cycles)/took.Seconds())
	for i, x := range after {
		t.Want(!x.Grown(before[i]), "%s: %d before, %d after, more than 1 %% and %d", x.Name, before[i].N, x.N, x.Slack)
	}
}

// execs is n lives of execs, some at once.
func (t *T) execs(b *Box, n, atOnce int) {
	spec, err := typeurl.MarshalAnyToProto(&specs.Process{Args: app("exit", "5"), Cwd: `C:\`})
	t.Must(err, "spec")
	svc := t.client.TaskService()
	t.Each(atOnce, func(worker int) {
		for i := worker; i < n; i += atOnce {
			id := fmt.Sprintf("probe%d-%d", worker, i%3)
			_, err := svc.Exec(t.Ctx, &tasks.ExecProcessRequest{ContainerID: b.id, ExecID: id, Spec: spec})
			t.Must(errgrpc.ToNative(err), "exec %d", i)
			_, err = svc.Start(t.Ctx, &tasks.StartRequest{ContainerID: b.id, ExecID: id})
			t.Must(errgrpc.ToNative(err), "start of exec %d", i)
			w, err := svc.Wait(t.Ctx, &tasks.WaitRequest{ContainerID: b.id, ExecID: id})
			t.Must(errgrpc.ToNative(err), "wait for exec %d", i)
			t.Want(w.ExitStatus == 5, "exec %d ended with %d", i, w.ExitStatus)
			_, err = svc.DeleteProcess(t.Ctx, &tasks.DeleteProcessRequest{ContainerID: b.id, ExecID: id})
			t.Must(errgrpc.ToNative(err), "delete of exec %d", i)
		}
	})
}

// footprint looks at the process when it has come to rest.
func (t *T) footprint(p node.Program) []node.Gauge {
	time.Sleep(3 * time.Second)
	g, err := p.Gauges()
	t.Must(err, "footprint of the shim")
	return g
}
