package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

const queryBound = 2 * time.Second // containerd's own for State and Stats

// Processes lists a container's processes. Before it runs and after it has ended the list is empty, and so is a record's.
func (p *Pod) Processes(ctx context.Context, id string) ([]schema.ProcessDetails, error) {
	s, err := p.Snapshot().Find(Key{Task: id})
	if err != nil || s.State != Running {
		return nil, err
	}
	sys := s.live.system.Load()
	if sys == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	props, err := sys.Properties(ctx, schema.PropertyProcessList)
	if err != nil {
		if errors.Is(err, hcs.ErrInvalidState) || errors.Is(err, hcs.ErrInvalidHandle) || errors.Is(err, hcs.ErrAccessDenied) {
			err = fmt.Errorf("%w: %w", err, errdefs.ErrNotFound) // on its way out, whatever the service says about it
		}
		return nil, fmt.Errorf("processes of %s: %w", id, err)
	}
	return props.ProcessList, nil
}

// ByPid are the ids of a task's execs by their pid.
func (t *Task) ByPid() map[uint32]string {
	out := make(map[uint32]string, len(t.Execs))
	for id, x := range t.Execs {
		if x.Pid != 0 && x.State != Stopped {
			out[x.Pid] = id
		}
	}
	return out
}
