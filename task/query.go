package task

import (
	"context"
	"fmt"
	"time"

	"containerd-shim-hcs/hcs/schema"
)

const queryBound = 1500 * time.Millisecond // containerd gives a request 2 s

// Processes lists a container's processes. Before it runs and after it has ended the list is empty, and so is that of a record, and of
// one that cannot be asked at this moment because it is on its way somewhere: containerd makes one error an error of all its lists.
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
	if err != nil && inTransit(err) {
		return nil, nil
	}
	if err != nil {
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
