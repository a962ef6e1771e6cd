package shim

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/task/stdio"
	"containerd-shim-hcs/task/storage"
)

// service is containerd's task API over a pod.
type service struct {
	id       string // of the container or sandbox the shim was started for
	pod      *task.Pod
	logs     *memberLogs
	options  task.Options // that the shim was started with
	shutdown func()       // ends the shim, after the answer
	ending   <-chan struct{}
	exited   func(id string, e ledger.Exit) error // writes down how a task ended
	log      *slog.Logger
}

func key(id, exec string) task.Key { return task.Key{Task: id, Exec: exec} }

func (s *service) State(_ context.Context, r *taskapi.StateRequest) (*taskapi.StateResponse, error) {
	p, err := s.pod.Snapshot().Find(key(r.ID, r.ExecID))
	if err != nil {
		return nil, err
	}
	return &taskapi.StateResponse{
		ID:         r.ID,
		ExecID:     r.ExecID,
		Bundle:     p.Detail.Bundle,
		Pid:        p.Pid,
		Status:     taskStatus(p),
		Stdin:      p.Detail.IO.Stdin,
		Stdout:     p.Detail.IO.Stdout,
		Stderr:     p.Detail.IO.Stderr,
		Terminal:   p.Detail.IO.Terminal,
		ExitStatus: p.Exit.Code,
		ExitedAt:   stamp(p.Exit.At),
	}, nil
}

// taskStatus maps the machine's states: a process whose output still drains, or that is being made, is what it was to the client.
func taskStatus(p task.Status) tasktypes.Status {
	if p.Lost() {
		return tasktypes.Status_UNKNOWN
	}
	switch p.State {
	case task.Creating, task.Created, task.Starting:
		return tasktypes.Status_CREATED
	case task.Running:
		switch p.Pause {
		case task.Pausing:
			return tasktypes.Status_PAUSING
		case task.Paused, task.Resuming:
			return tasktypes.Status_PAUSED
		}
		return tasktypes.Status_RUNNING
	case task.Exited:
		return tasktypes.Status_RUNNING
	default:
		return tasktypes.Status_STOPPED
	}
}

// stamp is nil, the zero timestamp on the wire, for a process that has not exited.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func (s *service) Create(ctx context.Context, r *taskapi.CreateTaskRequest) (*taskapi.CreateTaskResponse, error) {
	if r.Checkpoint != "" || r.ParentCheckpoint != "" {
		return nil, fmt.Errorf("checkpoint: Windows containers cannot be restored: %w", errdefs.ErrNotImplemented)
	}
	opts := s.options
	if isOptions(r.Options) {
		o, err := parseOptions(r.Options)
		if err != nil {
			return nil, err
		}
		opts = taskOptions(o)
	}
	req := task.CreateRequest{
		ID:      r.ID,
		Options: opts,
		Detail: task.Detail{
			Bundle: r.Bundle,
			IO:     stdio.Config{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr, Terminal: r.Terminal},
		},
	}
	for _, m := range r.Rootfs {
		req.Detail.Rootfs = append(req.Detail.Rootfs, storage.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	if err := s.pod.Create(ctx, req); err != nil {
		return nil, err
	}
	return &taskapi.CreateTaskResponse{}, nil // there is no process yet
}

func (s *service) Start(ctx context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	pid, err := s.pod.Start(ctx, key(r.ID, r.ExecID))
	if err != nil {
		return nil, err
	}
	return &taskapi.StartResponse{Pid: pid}, nil
}

func (s *service) Delete(ctx context.Context, r *taskapi.DeleteRequest) (*taskapi.DeleteResponse, error) {
	pid, exit, err := s.pod.Delete(ctx, key(r.ID, r.ExecID))
	if err != nil {
		return nil, err
	}
	if r.ExecID == "" {
		s.logs.leave(r.ID)
	}
	return &taskapi.DeleteResponse{Pid: pid, ExitStatus: exit.Code, ExitedAt: stamp(exit.At)}, nil
}

func (s *service) Exec(ctx context.Context, r *taskapi.ExecProcessRequest) (*emptypb.Empty, error) {
	if r.Spec == nil {
		return nil, fmt.Errorf("exec %s: spec is missing: %w", r.ExecID, errdefs.ErrInvalidArgument)
	}
	var p specs.Process
	if err := json.Unmarshal(r.Spec.Value, &p); err != nil {
		return nil, fmt.Errorf("exec %s: spec: %w: %w", r.ExecID, err, errdefs.ErrInvalidArgument)
	}
	if p.Terminal != r.Terminal {
		return nil, fmt.Errorf("exec %s: the spec's terminal is %t and the request's is %t: %w", r.ExecID, p.Terminal, r.Terminal, errdefs.ErrInvalidArgument)
	}
	d := task.Detail{IO: stdio.Config{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr, Terminal: r.Terminal}}
	if t, err := s.pod.Snapshot().Find(key(r.ID, "")); err == nil {
		d.Bundle = t.Detail.Bundle
	}
	return empty(s.pod.Exec(ctx, key(r.ID, r.ExecID), &p, d))
}

func (s *service) Kill(ctx context.Context, r *taskapi.KillRequest) (*emptypb.Empty, error) {
	return empty(s.pod.Kill(ctx, key(r.ID, r.ExecID), r.Signal, r.All))
}

func (s *service) ResizePty(ctx context.Context, r *taskapi.ResizePtyRequest) (*emptypb.Empty, error) {
	if r.Width > 0xffff || r.Height > 0xffff {
		return nil, fmt.Errorf("resize: %dx%d is too large: %w", r.Width, r.Height, errdefs.ErrInvalidArgument)
	}
	return empty(s.pod.Resize(ctx, key(r.ID, r.ExecID), task.Size{Width: uint16(r.Width), Height: uint16(r.Height)}))
}

func (s *service) CloseIO(ctx context.Context, r *taskapi.CloseIORequest) (*emptypb.Empty, error) {
	if !r.Stdin { // the only stream a client can close
		_, err := s.pod.Snapshot().Find(key(r.ID, r.ExecID))
		return empty(err)
	}
	return empty(s.pod.CloseInput(ctx, key(r.ID, r.ExecID)))
}

func (s *service) Wait(ctx context.Context, r *taskapi.WaitRequest) (*taskapi.WaitResponse, error) {
	exit, err := s.pod.Wait(ctx, key(r.ID, r.ExecID))
	if err != nil {
		return nil, err
	}
	return &taskapi.WaitResponse{ExitStatus: exit.Code, ExitedAt: stamp(exit.At)}, nil
}

// Connect answers for every id, also one that is not a task: containerd asks for sandboxes too, and takes an error for a dead shim.
func (s *service) Connect(_ context.Context, r *taskapi.ConnectRequest) (*taskapi.ConnectResponse, error) {
	resp := &taskapi.ConnectResponse{ShimPid: uint32(os.Getpid()), Version: "v3"}
	if p, err := s.pod.Snapshot().Find(key(r.ID, "")); err == nil {
		resp.TaskPid = p.Pid
	}
	return resp, nil
}

func (s *service) Update(ctx context.Context, r *taskapi.UpdateTaskRequest) (*emptypb.Empty, error) {
	resources, err := windowsResources(r.Resources)
	if err != nil {
		return nil, fmt.Errorf("update %s: %w", r.ID, err)
	}
	if resources == nil && len(r.Annotations) == 0 {
		return nil, fmt.Errorf("update %s: neither resources nor annotations: %w", r.ID, errdefs.ErrInvalidArgument)
	}
	return empty(s.pod.Update(ctx, r.ID, resources, r.Annotations))
}

// windowsResources reads the one type of resources that a Windows container has; nil when there are none.
func windowsResources(a *anypb.Any) (*specs.WindowsResources, error) {
	if a == nil {
		return nil, nil
	}
	// The name under which containerd's clients register the type of the OCI specification. The value is JSON.
	const name = "types.containerd.io/opencontainers/runtime-spec/1/WindowsResources"
	if a.TypeUrl != name {
		return nil, fmt.Errorf("resources are %s, not %s: %w", a.TypeUrl, name, errdefs.ErrInvalidArgument)
	}
	r := &specs.WindowsResources{}
	if err := json.Unmarshal(a.Value, r); err != nil {
		return nil, fmt.Errorf("resources: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return r, nil
}

func (s *service) Pause(ctx context.Context, r *taskapi.PauseRequest) (*emptypb.Empty, error) {
	return empty(s.pod.Pause(ctx, r.ID))
}

func (s *service) Resume(ctx context.Context, r *taskapi.ResumeRequest) (*emptypb.Empty, error) {
	return empty(s.pod.Resume(ctx, r.ID))
}

func (s *service) Checkpoint(context.Context, *taskapi.CheckpointTaskRequest) (*emptypb.Empty, error) {
	return nil, fmt.Errorf("checkpoint: Windows containers cannot be checkpointed: %w", errdefs.ErrNotImplemented)
}

func empty(err error) (*emptypb.Empty, error) {
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
