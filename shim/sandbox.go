package shim

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/errdefs"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/shim/sandboxpb"
	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/annotation"
)

// sandboxes is containerd's sandbox API (containerd.runtime.sandbox.v1.Sandbox), for handlers with sandboxer = "shim": a pod without a pause
// image and without a snapshot for it. The sandbox is the record that the pause task is too; here it is made of what CRI gives, and its
// life is told by these calls alone, not by events of tasks.
type sandboxes struct {
	pod   *task.Pod
	id    string // of the only sandbox: the one the shim was started for
	facts func(context.Context) (hcs.Facts, error)
	end   func()
	made  atomic.Bool // by these calls
}

const (
	sandboxReady    = "SANDBOX_READY" // CRI's own words, which containerd compares
	sandboxNotReady = "SANDBOX_NOTREADY"
	podConfigType   = "runtime.v1.PodSandboxConfig"
	// stopMost is for a StopSandbox without a bound of its own.
	stopMost = 10 * time.Second
)

func (s *sandboxes) Create(ctx context.Context, r *sandboxpb.CreateSandboxRequest) (*sandboxpb.CreateSandboxResponse, error) {
	if r.SandboxId != s.id {
		return nil, fmt.Errorf("sandbox_id: this shim was started for %s, not for %s: %w", s.id, r.SandboxId, errdefs.ErrInvalidArgument)
	}
	if o := r.Options; o != nil {
		if !strings.HasSuffix(o.TypeUrl, podConfigType) {
			return nil, fmt.Errorf("options: %s, want %s: %w", o.TypeUrl, podConfigType, errdefs.ErrInvalidArgument)
		}
		var config sandboxpb.PodSandboxConfig
		if err := proto.Unmarshal(o.Value, &config); err != nil {
			return nil, fmt.Errorf("options: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		if config.GetWindows().GetSecurityContext().GetHostProcess() {
			return nil, fmt.Errorf("options: windows.security_context.host_process: %w", errdefs.ErrNotImplemented)
		}
		a, err := annotation.Parse(config.Annotations)
		if err != nil {
			return nil, fmt.Errorf("options: %w", err)
		}
		if a.PauseContainer != nil && *a.PauseContainer {
			return nil, fmt.Errorf("options: annotation %s: a pod without a pause task has no image for it: %w", annotation.PauseContainer, errdefs.ErrNotImplemented)
		}
	}
	first := s.made.CompareAndSwap(false, true) // before its first event
	err := s.pod.CreateSandbox(ctx, s.id, r.NetnsPath, task.Detail{Bundle: r.BundlePath})
	if err != nil && first {
		s.made.Store(false)
	}
	return &sandboxpb.CreateSandboxResponse{}, err
}

// untold leaves out the events of a sandbox that these calls tell of.
func (s *sandboxes) untold(publish func(task.Publish)) func(task.Publish) {
	return func(p task.Publish) {
		if p.Key.Task != s.id || !s.made.Load() {
			publish(p)
		}
	}
}

// find returns the sandbox. A container that the task API made is none, whatever its id.
func (s *sandboxes) find(id string) (task.Status, error) {
	if id != s.id || !s.made.Load() {
		return task.Status{}, fmt.Errorf("sandbox %s: %w", id, errdefs.ErrNotFound)
	}
	return s.pod.Snapshot().Find(key(id, ""))
}

func (s *sandboxes) Start(ctx context.Context, r *sandboxpb.SandboxRequest) (*sandboxpb.StartSandboxResponse, error) {
	st, err := s.find(r.SandboxId)
	if err != nil {
		return nil, err
	}
	pid, err := s.pod.Start(ctx, key(r.SandboxId, ""))
	if err != nil {
		return nil, err
	}
	return &sandboxpb.StartSandboxResponse{Pid: pid, CreatedAt: timestamppb.New(st.Made())}, nil
}

// Platform is what the pod's containers run on: the exact build, because a process-isolated container's must be the same.
func (s *sandboxes) Platform(ctx context.Context, r *sandboxpb.SandboxRequest) (*sandboxpb.PlatformResponse, error) {
	if _, err := s.find(r.SandboxId); err != nil {
		return nil, err
	}
	f, err := s.facts(ctx)
	if err != nil {
		return nil, fmt.Errorf("platform: %w", err)
	}
	return &sandboxpb.PlatformResponse{Platform: &types.Platform{OS: "windows", Architecture: runtime.GOARCH, OSVersion: fmt.Sprintf("10.0.%d.%d", f.Build, f.Revision)}}, nil
}

// Stop ends the pod's containers, then the sandbox, and returns when that has ended. A sandbox that has is stopped already.
func (s *sandboxes) Stop(ctx context.Context, r *sandboxpb.StopSandboxRequest) (*sandboxpb.Empty, error) {
	most := stopMost
	if r.TimeoutSecs > 0 {
		most = time.Duration(r.TimeoutSecs) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return &sandboxpb.Empty{}, s.stop(ctx, r.SandboxId)
}

func (s *sandboxes) stop(ctx context.Context, id string) error {
	if _, err := s.find(id); err != nil {
		return err
	}
	const sigKill = 9
	if err := s.pod.Kill(ctx, key(id, ""), sigKill, true); err != nil && !errdefs.IsNotFound(err) { // it has ended
		return fmt.Errorf("stop sandbox %s: %w", id, err)
	}
	if _, err := s.pod.Wait(ctx, key(id, "")); err != nil {
		return fmt.Errorf("stop sandbox %s: a container of the pod does not end: %w", id, err)
	}
	return nil
}

func (s *sandboxes) Wait(ctx context.Context, r *sandboxpb.SandboxRequest) (*sandboxpb.WaitSandboxResponse, error) {
	if _, err := s.find(r.SandboxId); err != nil {
		return nil, err
	}
	e, err := s.pod.Wait(ctx, key(r.SandboxId, ""))
	if err != nil {
		return nil, err
	}
	return &sandboxpb.WaitSandboxResponse{ExitStatus: e.Code, ExitedAt: timestamppb.New(e.At)}, nil
}

func (s *sandboxes) Status(_ context.Context, r *sandboxpb.SandboxStatusRequest) (*sandboxpb.SandboxStatusResponse, error) {
	st, err := s.find(r.SandboxId)
	if err != nil {
		return nil, err
	}
	resp := &sandboxpb.SandboxStatusResponse{SandboxId: r.SandboxId, Pid: st.Pid, State: sandboxNotReady, CreatedAt: timestamppb.New(st.Made())}
	if st.State == task.Running {
		resp.State = sandboxReady
	}
	if st.State == task.Stopped {
		resp.ExitedAt = timestamppb.New(st.Exit.At)
	}
	if r.Verbose {
		resp.Info = map[string]string{"state": st.State.String(), "networkNamespace": st.Network()}
	}
	return resp, nil
}

// Ping answers while the sandbox is there.
func (s *sandboxes) Ping(_ context.Context, r *sandboxpb.SandboxRequest) (*sandboxpb.Empty, error) {
	_, err := s.find(r.SandboxId)
	return &sandboxpb.Empty{}, err
}

// Shutdown ends the shim: the sandbox is stopped first if that was not done, and forgotten. One that never was created is no error.
func (s *sandboxes) Shutdown(ctx context.Context, r *sandboxpb.SandboxRequest) (*sandboxpb.Empty, error) {
	err := s.stop(ctx, r.SandboxId)
	if err == nil {
		_, _, err = s.pod.Delete(ctx, key(r.SandboxId, ""))
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return nil, err
	}
	if len(s.pod.Snapshot()) == 0 {
		s.end()
	}
	return &sandboxpb.Empty{}, nil
}

// Metrics are those of the pod: its containers' together.
func (s *sandboxes) Metrics(ctx context.Context, r *sandboxpb.SandboxRequest) (*sandboxpb.SandboxMetricsResponse, error) {
	if _, err := s.find(r.SandboxId); err != nil {
		return nil, err
	}
	total, err := s.pod.Total(ctx)
	if err != nil {
		return nil, err
	}
	data, err := anyOf(&stats.Statistics{Container: &stats.Statistics_Windows{Windows: windowsStatistics(&total)}})
	if err != nil {
		return nil, err
	}
	return &sandboxpb.SandboxMetricsResponse{Metrics: &types.Metric{ID: r.SandboxId, Timestamp: timestamppb.Now(), Data: data}}, nil
}

// Update is optional in the API. Nothing of a record could be changed.
func (s *sandboxes) Update(context.Context, *sandboxpb.SandboxRequest) (*sandboxpb.Empty, error) {
	return nil, fmt.Errorf("update of a sandbox: %w", errdefs.ErrNotImplemented)
}
