package main

import (
	"fmt"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var soakCases = []Case{{Name: "soak/execs-leave-nothing-in-the-shim", Run: soak, Limit: 4 * time.Hour}}

// soakers is how many execs are there at once, as probes of one container may be.
const soakers = 4

// soak runs execs in one container and compares what the shim's process has before and after. The first tenth is not measured: it
// fills what a process fills once. On Windows the heap is not to be seen from outside; the same in process, with the heap, is the
// soak test of package shim.
func soak(t *T) {
	b := t.host()
	shims, err := programsNamed(shimExe(t.o.runtime))
	t.must(err, "look for the shim")
	t.want(len(shims) == 1, "%d shims, want 1", len(shims))
	t.execs(b, max(t.o.cycles/10, 10*soakers))
	before := t.footprint(shims[0])
	began := time.Now()
	t.execs(b, t.o.cycles)
	took := time.Since(began)
	after := t.footprint(shims[0])
	t.say("%-24s %10s %10s", fmt.Sprintf("%d execs", t.o.cycles), "before", "after")
	for i, x := range after {
		t.say("%-24s %10d %10d", x.name, before[i].n, x.n)
	}
	t.say("%.1f execs a second", float64(t.o.cycles)/took.Seconds())
	for i, x := range after {
		most := before[i].n + max(before[i].n/100, x.slack)
		t.want(x.n <= most, "%s: %d before, %d after, more than 1 %% and %d", x.name, before[i].n, x.n, x.slack)
	}
}

// execs is n lives of execs.
func (t *T) execs(b *Box, n int) {
	spec, err := typeurl.MarshalAnyToProto(&specs.Process{Args: app("exit", "5"), Cwd: `C:\`})
	t.must(err, "spec")
	svc := t.client.TaskService()
	t.each(soakers, func(worker int) {
		for i := worker; i < n; i += soakers {
			id := fmt.Sprintf("probe%d-%d", worker, i%3)
			_, err := svc.Exec(t.ctx, &tasks.ExecProcessRequest{ContainerID: b.id, ExecID: id, Spec: spec})
			t.must(errgrpc.ToNative(err), "exec %d", i)
			_, err = svc.Start(t.ctx, &tasks.StartRequest{ContainerID: b.id, ExecID: id})
			t.must(errgrpc.ToNative(err), "start of exec %d", i)
			w, err := svc.Wait(t.ctx, &tasks.WaitRequest{ContainerID: b.id, ExecID: id})
			t.must(errgrpc.ToNative(err), "wait for exec %d", i)
			t.want(w.ExitStatus == 5, "exec %d ended with %d", i, w.ExitStatus)
			_, err = svc.DeleteProcess(t.ctx, &tasks.DeleteProcessRequest{ContainerID: b.id, ExecID: id})
			t.must(errgrpc.ToNative(err), "delete of exec %d", i)
		}
	})
}

// gauge is one thing that must not grow.
type gauge struct {
	name  string
	n     int64
	slack int64 // what it varies by itself
}

// footprint looks at the process when it has come to rest.
func (t *T) footprint(p program) []gauge {
	time.Sleep(3 * time.Second)
	g, err := p.gauges()
	t.must(err, "footprint of the shim")
	return g
}
