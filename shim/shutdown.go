package shim

import (
	"context"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"google.golang.org/protobuf/types/known/emptypb"
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
