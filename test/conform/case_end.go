package main

import (
	"context"
	"strings"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/snapshots"

	"containerd-shim-hcs/test/conform/node"
)

var endCases = []Case{{Name: "end/nothing-left-behind", Run: nothingLeft}}

// nothingLeft: after one more life, neither containerd nor the machine holds anything: not of it, and not of the cases before.
func nothingLeft(t *T) {
	b := t.run("print", "last", "--", "exit", "9")
	b.expect(9, "last", "")
	b.remove()
	now, err := t.machine.State()
	t.Must(err, "ask the simulator")
	left := now.Minus(node.Holdings{})
	t.Want(left == "", "the machine holds: %s", left)
	r, err := t.client.TaskService().List(t.Ctx, &tasks.ListTasksRequest{})
	t.Must(err, "list tasks")
	for _, p := range r.Tasks {
		t.Want(!strings.Contains(p.ID, t.runID), "task %s is still there", p.ID)
	}
	cs, err := t.client.Containers(t.Ctx)
	t.Must(err, "list containers")
	for _, c := range cs {
		t.Want(!strings.Contains(c.ID(), t.runID), "container %s is still there", c.ID())
	}
	err = t.client.SnapshotService(t.o.snapshotter).Walk(t.Ctx, func(_ context.Context, i snapshots.Info) error {
		t.Want(!strings.Contains(i.Name, t.runID), "snapshot %s is still there", i.Name)
		return nil
	})
	t.Must(err, "list snapshots")
}
