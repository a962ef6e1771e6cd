package shim

import (
	"context"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"google.golang.org/protobuf/types/known/emptypb"

	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/ledger"
)

// Shutdown is asked for after every task; the shim ends with the last one. Now, which only our own delete command says, means that
// containerd has given the task of the request up: the shim ends if it has no other, and leaves the task to the one who asks; one that
// has others ends that task and goes on.
func (s *service) Shutdown(ctx context.Context, r *taskapi.ShutdownRequest) (*emptypb.Empty, error) {
	tasks := s.pod.Snapshot()
	others := len(tasks)
	has := tasks[r.ID] != nil
	if has {
		others--
	} else {
		s.logs.leave(r.ID)
	}
	switch {
	case others == 0 && (r.Now || !has):
		s.shutdown()
	case has && r.Now:
		s.drop(ctx, r.ID)
	}
	return &emptypb.Empty{}, nil
}

// unshutMost is how long a shim without tasks waits for its shutdown.
const unshutMost = 10 * time.Second

// deleted hears every event, in the pod's loop: that a task is gone is known also when its client is, which is when it matters.
func (s *service) deleted(p task.Publish) {
	if p.Kind == task.TaskDeleted && p.Key.Exec == "" && len(s.pod.Snapshot()) == 0 {
		go s.expectShutdown(p.Key.Task, ledger.Exit{Pid: p.Pid, Code: p.Exit.Code, At: p.Exit.At})
	}
}

// expectShutdown ends the shim when the shutdown does not come that containerd asks for right after the delete of the last task. It was
// killed between the two; when its next instance had asked for the task just before that was gone, it believes in it from then on, although
// no client can find it. The end of the shim tells it; how the task ended is written down for the delete command, which it runs then.
func (s *service) expectShutdown(id string, e ledger.Exit) {
	select {
	case <-s.ending:
		return
	case <-time.After(unshutMost):
	}
	if len(s.pod.Snapshot()) > 0 {
		return
	}
	s.log.Warn("no shutdown came after the last delete", "id", id)
	if err := s.exited(id, e); err != nil {
		s.log.Warn("exit status is not recorded", "id", id, "error", err)
	}
	s.shutdown()
}

// drop ends a task and gives back what it holds. It returns when that is done or ctx has ended; the work goes on then.
func (s *service) drop(ctx context.Context, id string) {
	s.log.Warn("containerd has given a container up", "id", id)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.pod.Drop(context.WithoutCancel(ctx), id); err != nil {
			s.log.Error("drop", "id", id, "error", err)
			return
		}
		s.logs.leave(id)
		if len(s.pod.Snapshot()) == 0 {
			s.shutdown()
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
