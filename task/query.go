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

// query asks a container's compute system. One that is on its way out is ErrNotFound, whatever the service says about it.
func (p *Pod) query(ctx context.Context, id string, t schema.PropertyType) (Status, *schema.Properties, error) {
	s, err := p.Snapshot().Find(Key{Task: id})
	if err != nil {
		return s, nil, err
	}
	sys := s.live.system.Load()
	if sys == nil { // a record
		return s, &schema.Properties{Statistics: idle(s.live.since)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	props, err := sys.Properties(ctx, t)
	if err != nil {
		if errors.Is(err, hcs.ErrInvalidState) || errors.Is(err, hcs.ErrInvalidHandle) || errors.Is(err, hcs.ErrAccessDenied) {
			return s, nil, fmt.Errorf("%s of %s: %w: %w", t, id, err, errdefs.ErrNotFound)
		}
		return s, nil, fmt.Errorf("%s of %s: %w", t, id, err)
	}
	return s, props, nil
}

// Processes lists a container's processes. Before it runs and after it has ended the list is empty.
func (p *Pod) Processes(ctx context.Context, id string) ([]schema.ProcessDetails, error) {
	s, err := p.Snapshot().Find(Key{Task: id})
	if err != nil || s.State != Running {
		return nil, err
	}
	_, props, err := p.query(ctx, id, schema.PropertyProcessList)
	if err != nil {
		return nil, err
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
