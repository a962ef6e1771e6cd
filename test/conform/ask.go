package main

import (
	"strings"

	"containerd-shim-hcs/hcs/schema"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	apitask "github.com/containerd/containerd/api/types/task"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
)

// The client of containerd checks some things itself before it calls, and hides some fields. Where the contract is about what
// the shim answers, the cases call the service.

// tryGet is State.
func (t *T) tryGet(id, exec string) (*apitask.Process, error) {
	r, err := t.client.TaskService().Get(t.Ctx, &tasks.GetRequest{ContainerID: id, ExecID: exec})
	if err != nil {
		return nil, errgrpc.ToNative(err)
	}
	return r.Process, nil
}

func (t *T) get(id, exec string) *apitask.Process {
	p, err := t.tryGet(id, exec)
	t.Must(err, "state of %s %s", id, exec)
	return p
}

func (t *T) status(id, exec string) containerd.ProcessStatus {
	return containerd.ProcessStatus(strings.ToLower(t.get(id, exec).Status.String()))
}

func (t *T) rawDelete(id string) (*tasks.DeleteResponse, error) {
	r, err := t.client.TaskService().Delete(t.Ctx, &tasks.DeleteTaskRequest{ContainerID: id})
	return r, errgrpc.ToNative(err)
}

func (t *T) rawDeleteExec(id, exec string) (*tasks.DeleteResponse, error) {
	r, err := t.client.TaskService().DeleteProcess(t.Ctx, &tasks.DeleteProcessRequest{ContainerID: id, ExecID: exec})
	return r, errgrpc.ToNative(err)
}

// unpack decodes an Any into the type it must have.
func unpack[M any](t *T, a typeurl.Any, what string) M {
	var none M
	if a == nil || a.GetTypeUrl() == "" {
		t.Fail("%s: nothing there", what)
	}
	v, err := typeurl.UnmarshalAny(a)
	t.Must(err, "%s: %s", what, a.GetTypeUrl())
	m, ok := v.(M)
	t.Want(ok, "%s is %s, want %T", what, a.GetTypeUrl(), none)
	return m
}

// more says how many compute systems there are beyond those of old.
func (t *T) more(old []string) int {
	now, err := t.machine.State()
	t.Must(err, "ask the simulator")
	return len(now.Systems) - len(old)
}

// held is the machine's container that stands for the one with this id: the compute system is named after it.
func (t *T) held(id string) schema.Container {
	now, err := t.machine.State()
	t.Must(err, "ask the simulator")
	c, ok := now.Containers[id]
	t.Want(ok, "the machine holds no compute system %s, but %q", id, now.Systems)
	return c
}

// hasLine reports whether one of the lines of out is the wanted one.
func hasLine(out, line string) bool {
	for l := range strings.Lines(out) {
		if strings.TrimRight(l, "\r\n") == line {
			return true
		}
	}
	return false
}
