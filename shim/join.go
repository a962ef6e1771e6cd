package shim

import (
	"context"
	"fmt"
	"os"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"

	"containerd-shim-hcs/task"
)

// podService is how our own commands speak to a shim: the start command of a pod's container to the pod's, and the stacks command. It has no
// messages of its own: the task API's connect request says what is to be said, an id.
const (
	podService = "containerd.shim.hcs.v1.Pod"
	joinMethod = "Join"
)

// Join makes ready for a container that is about to be created in this shim: its log pipe is served from now on, so that containerd, which
// dials it as soon as the start command has answered, does not look for it for five seconds and keep the container that long.
func (s *service) Join(_ context.Context, r *taskapi.ConnectRequest) (*taskapi.ConnectResponse, error) {
	tasks := s.pod.Snapshot()
	if tasks[r.ID] != nil {
		return nil, fmt.Errorf("task %s: %w", r.ID, errdefs.ErrAlreadyExists)
	}
	sandbox, err := tasks.Find(key(s.id, ""))
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if tasks[s.id].Place.Sandbox != s.id {
		return nil, fmt.Errorf("container %s is not the sandbox of a pod: %w", s.id, errdefs.ErrFailedPrecondition)
	}
	if sandbox.State != task.Running {
		return nil, fmt.Errorf("sandbox %s is %s, not running: %w", s.id, sandbox.State, errdefs.ErrFailedPrecondition)
	}
	if err := s.logs.join(r.ID); err != nil {
		return nil, err
	}
	return &taskapi.ConnectResponse{ShimPid: uint32(os.Getpid()), TaskPid: sandbox.Pid}, nil
}

// join asks the shim at an address to take a container.
func join(ctx context.Context, dial dialer, address, id string) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return fmt.Errorf("its shim does not serve: %w", err)
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	err = errgrpc.ToNative(client.Call(ctx, podService, joinMethod, &taskapi.ConnectRequest{ID: id}, &taskapi.ConnectResponse{}))
	if errdefs.IsNotImplemented(err) {
		// A shim of before an upgrade, or Microsoft's, whose address is the same. It takes containers all the same, and its way is to let
		// containerd look for the log pipe.
		return nil
	}
	return err
}
