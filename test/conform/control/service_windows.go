package main

import (
	"context"
	"os"
	"sync"

	events "github.com/containerd/containerd/api/events"
	task "github.com/containerd/containerd/api/runtime/task/v2"
	types "github.com/containerd/containerd/api/types/task"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// process is what the control remembers of a task or an exec: only what makes its lies coherent.
type process struct {
	id, bundle, stdin, stdout, stderr string
	terminal                          bool
	status                            types.Status
	at                                *timestamppb.Timestamp
}

type service struct {
	stop func()
	say  func(topic string, event any)
	mu   sync.Mutex
	all  map[string]*process // by exec id; the init is ""
}

func newService(stop func()) *service {
	return &service{stop: stop, say: publisher(), all: map[string]*process{}}
}

// get returns the process of that id; there is always one.
func (s *service) get(exec string) *process {
	p := s.all[exec]
	if p == nil {
		p = &process{id: exec, status: types.Status_RUNNING, at: timestamppb.Now()}
		s.all[exec] = p
	}
	return p
}

func pid() uint32 { return uint32(os.Getpid()) }

func (s *service) Create(_ context.Context, r *task.CreateTaskRequest) (*task.CreateTaskResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[""] = &process{id: r.ID, bundle: r.Bundle, stdin: r.Stdin, stdout: r.Stdout, stderr: r.Stderr, terminal: r.Terminal,
		status: types.Status_CREATED, at: timestamppb.Now()}
	s.say("/tasks/create", &events.TaskCreate{ContainerID: r.ID, Bundle: r.Bundle, Rootfs: r.Rootfs, Pid: pid(),
		IO: &events.TaskIO{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr, Terminal: r.Terminal}})
	return &task.CreateTaskResponse{Pid: pid()}, nil
}

func (s *service) Exec(_ context.Context, r *task.ExecProcessRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[r.ExecID] = &process{id: r.ExecID, stdin: r.Stdin, stdout: r.Stdout, stderr: r.Stderr, terminal: r.Terminal,
		status: types.Status_CREATED, at: timestamppb.Now()}
	s.say("/tasks/exec-added", &events.TaskExecAdded{ContainerID: r.ID, ExecID: r.ExecID})
	return &emptypb.Empty{}, nil
}

func (s *service) Start(_ context.Context, r *task.StartRequest) (*task.StartResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get(r.ExecID).status = types.Status_RUNNING
	if r.ExecID == "" {
		s.say("/tasks/start", &events.TaskStart{ContainerID: r.ID, Pid: pid()})
	} else {
		s.say("/tasks/exec-started", &events.TaskExecStarted{ContainerID: r.ID, ExecID: r.ExecID, Pid: pid()})
	}
	return &task.StartResponse{Pid: pid()}, nil
}

func (s *service) State(_ context.Context, r *task.StateRequest) (*task.StateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.get(r.ExecID)
	a := &task.StateResponse{ID: p.id, Bundle: p.bundle, Pid: pid(), Status: p.status, Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr,
		Terminal: p.terminal, ExecID: r.ExecID}
	if p.status == types.Status_STOPPED {
		a.ExitedAt = p.at
	}
	return a, nil
}

// end tells the end of a process once.
func (s *service) end(container, exec string) *process {
	p := s.get(exec)
	if p.status != types.Status_STOPPED {
		p.status = types.Status_STOPPED
		id := exec
		if id == "" {
			id = container
		}
		s.say("/tasks/exit", &events.TaskExit{ContainerID: container, ID: id, Pid: pid(), ExitedAt: p.at})
	}
	return p
}

func (s *service) Wait(_ context.Context, r *task.WaitRequest) (*task.WaitResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &task.WaitResponse{ExitedAt: s.get(r.ExecID).at}, nil
}

func (s *service) Kill(_ context.Context, r *task.KillRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(r.ID, r.ExecID)
	return &emptypb.Empty{}, nil
}

func (s *service) Delete(_ context.Context, r *task.DeleteRequest) (*task.DeleteResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.end(r.ID, r.ExecID)
	s.say("/tasks/delete", &events.TaskDelete{ContainerID: r.ID, ID: r.ExecID, Pid: pid(), ExitedAt: p.at})
	return &task.DeleteResponse{Pid: pid(), ExitedAt: p.at}, nil
}

func (s *service) Pids(context.Context, *task.PidsRequest) (*task.PidsResponse, error) {
	return &task.PidsResponse{Processes: []*types.ProcessInfo{{Pid: pid()}}}, nil
}

func (s *service) Pause(context.Context, *task.PauseRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get("").status = types.Status_PAUSED
	return &emptypb.Empty{}, nil
}

func (s *service) Resume(context.Context, *task.ResumeRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get("").status = types.Status_RUNNING
	return &emptypb.Empty{}, nil
}

func (s *service) Checkpoint(context.Context, *task.CheckpointTaskRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *service) ResizePty(context.Context, *task.ResizePtyRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *service) CloseIO(context.Context, *task.CloseIORequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *service) Update(context.Context, *task.UpdateTaskRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *service) Stats(context.Context, *task.StatsRequest) (*task.StatsResponse, error) {
	return statistics()
}

func (s *service) Connect(context.Context, *task.ConnectRequest) (*task.ConnectResponse, error) {
	return &task.ConnectResponse{ShimPid: pid(), TaskPid: pid(), Version: "control"}, nil
}

func (s *service) Shutdown(context.Context, *task.ShutdownRequest) (*emptypb.Empty, error) {
	go s.stop()
	return &emptypb.Empty{}, nil
}
