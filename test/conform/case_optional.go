package main

import (
	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What a shim may leave out it must say so; what it says it did must be seen.
var optionalCases = []Case{
	{Name: "optional/update-works-or-says-not-implemented", Run: update},
	{Name: "optional/update-of-an-unknown-type-refused", Run: updateUnknown},
	{Name: "optional/checkpoint-says-not-implemented", Run: checkpoint},
}

func update(t *T) {
	b := t.host()
	limit := uint64(512 << 20)
	err := b.task.Update(t.Ctx, containerd.WithResources(&specs.WindowsResources{Memory: &specs.WindowsMemoryResources{Limit: &limit}}))
	if err != nil {
		t.Refused(err, errdefs.IsNotImplemented, "not implemented", "update")
	} else {
		m := t.held(b.id).Memory
		t.Want(m != nil && m.SizeInMB == 512, "update is said to have worked; the machine holds %+v, want 512 MB", m)
	}
	b.run("print", "still").expect(0, "still", "")
}

func updateUnknown(t *T) {
	b := t.host()
	err := b.task.Update(t.Ctx, containerd.WithResources(&specs.Process{Cwd: "x"}))
	t.Want(err != nil, "update with a Process for resources was accepted")
	b.run("print", "still").expect(0, "still", "")
}

func checkpoint(t *T) {
	b := t.host()
	_, err := t.client.TaskService().Checkpoint(t.Ctx, &tasks.CheckpointTaskRequest{ContainerID: b.id})
	t.Refused(errgrpc.ToNative(err), errdefs.IsNotImplemented, "not implemented", "checkpoint")
	b.run("print", "still").expect(0, "still", "")
}
