package task

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/limits"
)

const (
	// watchTick is between two looks at a running container that has a memory limit, when nobody asks for its statistics.
	watchTick = 15 * time.Second
)

// Usage is what a container uses.
type Usage struct {
	schema.Statistics
	Processes      int
	Traffic        Traffic
	Limits         limits.Plan
	HitMemoryLimit bool // since it was created
}

// usage is what a container was last seen to use.
type usage struct {
	mu    sync.Mutex // for the values only, never over a call
	last  *Usage     // not changed once it is here; nil before the first look
	watch limits.Watch
	hit   bool
}

// see keeps the outcome of a look, and reports whether it is the first to show that the memory limit was hit.
func (u *usage) see(now *Usage, failed bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil || !now.Timestamp.Before(u.last.Timestamp) { // looks may overtake each other
		u.last = now
	}
	if u.hit || !u.watch.Hit(now.Memory, failed) {
		return false
	}
	u.hit = true
	return true
}

// limit sets the memory limit that is watched from now on.
func (u *usage) limit(memoryMB uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var m *schema.MemoryStats
	if u.last != nil {
		m = u.last.Memory
	}
	u.watch = limits.NewWatch(memoryMB, m)
}

// kept is the last look; nil when there was none.
func (u *usage) kept() *Usage {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last
}

func (u *usage) limited() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.watch.Limited()
}

// due reports whether a look is due for the watch.
func (u *usage) due(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.watch.Limited() && !u.hit && (u.last == nil || now.Sub(u.last.Timestamp) >= watchTick)
}

// look asks a container that runs what it uses: one request, about this container only.
func (r *Runner) look(ctx context.Context, l *live) (*Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	props, err := l.system.Load().Properties(ctx, schema.PropertyStatistics, schema.PropertyProcessList)
	if err == nil && props.Statistics == nil {
		err = errdefs.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("statistics of %s: %w", l.key, err)
	}
	u := &Usage{Statistics: *props.Statistics, Processes: len(props.ProcessList)}
	if l.usage.see(u, l.failed.Load()) {
		r.Log.Warn("the container ran into its memory limit", "id", l.key.Task, "peak", u.Memory.MemoryUsageCommitPeakBytes)
		l.hit()
	}
	return u, nil
}

// watchMemory looks now and then at a container that runs and has a limit, until its end, which is looked at by itself. Without it
// a hit would be told late by a container that goes on, and not at all by one that takes its job with it.
func (r *Runner) watchMemory(l *live) {
	if l.usage.limited() && l.process.Load() != nil { // whichever of them comes last, a limit or the process, begins it
		l.watching.Do(func() { go r.watchUntilEnd(l) })
	}
}

func (r *Runner) watchUntilEnd(l *live) {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	for {
		select {
		case <-l.gone:
			return
		case <-l.ctx.Done():
			return
		case now := <-tick.C:
			if l.usage.due(now) {
				if _, err := r.look(l.ctx, l); err != nil && !inTransit(err) {
					r.Log.Warn("watch over the memory limit", "error", err)
				}
			}
		}
	}
}

// inTransit are the errors of a container that is on its way somewhere: ending, gone, or lost with the service for a while.
func inTransit(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsUnavailable(err) || errors.Is(err, hcs.ErrInvalidState) ||
		errors.Is(err, hcs.ErrInvalidHandle) || errors.Is(err, hcs.ErrAccessDenied) || errors.Is(err, context.DeadlineExceeded)
}

// Statistics are what a container uses: zeros before it runs, and what was seen last when it has ended or cannot be asked at this
// moment.
func (p *Pod) Statistics(ctx context.Context, id string) (Usage, error) {
	snap := p.Snapshot()
	s, err := snap.Find(Key{Task: id})
	if err != nil {
		return Usage{}, err
	}
	var out Usage
	switch u := (*Usage)(nil); s.State {
	case Running, Exited:
		if u, err = s.live.kind.look(p.run, ctx, s.live); err == nil {
			out = *u
			out.Traffic = p.run.traffic.of(p.run.Machine.Network, s.live.space, p.log)
			break
		}
		if !inTransit(err) {
			return Usage{}, err
		}
		fallthrough
	default:
		if u = s.live.usage.kept(); u != nil {
			out = *u
		} else {
			at := s.Exit.At
			if at.IsZero() {
				at = time.Now()
			}
			out.Statistics = noUse(at)
		}
		if s.State != Running {
			out.Processes = 0
		}
	}
	t := p.Snapshot()[id]
	if t == nil {
		t = snap[id]
	}
	out.Limits, out.HitMemoryLimit = t.Limits, t.HitMemoryLimit
	return out, nil
}

// Total is what the containers of the pod use together. One that has ended holds no memory and keeps its times, also when it has been
// deleted: a sum that fell would be taken for a restart.
func (p *Pod) Total(ctx context.Context) (schema.Statistics, error) {
	for {
		sum, err := p.total(ctx, p.now.Load())
		if !errdefs.IsNotFound(err) { // one was deleted meanwhile
			return sum, err
		}
	}
}

func (p *Pod) total(ctx context.Context, now *view) (schema.Statistics, error) {
	sum := noUse(time.Now())
	sum.Add(&now.past)
	for id, t := range now.tasks {
		if t.Init.State == Creating {
			continue
		}
		use, err := p.Statistics(ctx, id)
		if err != nil {
			return schema.Statistics{}, err
		}
		if t.Init.State != Running {
			use.Memory = nil
		}
		sum.Add(&use.Statistics)
	}
	return sum, nil
}

// noUse are the statistics of what uses nothing, or was never seen to.
func noUse(at time.Time) schema.Statistics {
	return schema.Statistics{Timestamp: at, Processor: &schema.ProcessorStats{}, Memory: &schema.MemoryStats{}, Storage: &schema.StorageStats{}}
}
