package task

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// slowSystem stops some time after it was asked to, and uses CPU time until busy ends.
type slowSystem struct {
	hcs.System
	exited     chan hcs.SystemExit
	began      time.Time
	busy, stop time.Duration
	terminated time.Duration // when it was
}

func (s *slowSystem) Exited() <-chan hcs.SystemExit { return s.exited }

func (s *slowSystem) Shutdown(context.Context) error {
	s.began = time.Now()
	time.AfterFunc(s.stop, s.end)
	return nil
}

func (s *slowSystem) end() {
	select {
	case s.exited <- hcs.SystemExit{}:
	default:
	}
}

func (s *slowSystem) Terminate(context.Context) error {
	s.terminated = time.Since(s.began)
	s.end()
	return nil
}

func (s *slowSystem) Properties(context.Context, ...schema.PropertyType) (*schema.Properties, error) {
	cpu := min(time.Since(s.began), s.busy)
	return &schema.Properties{Statistics: &schema.Statistics{Processor: &schema.ProcessorStats{TotalRuntime100ns: uint64(cpu / 100)}}}, nil
}

// TestShutdownIsCutByLackOfProgress: what init leaves behind may take its time to end, as long as it does something.
func TestShutdownIsCutByLackOfProgress(t *testing.T) {
	b := Bounds{StopIdle: 30 * time.Second, Stop: 10 * time.Minute}
	for name, c := range map[string]struct {
		busy, stop time.Duration
		cut        time.Duration // 0: not at all
	}{
		"progress for minutes": {9 * time.Minute, 9*time.Minute + 10*time.Second, 0},
		"none":                 {0, time.Hour, b.StopIdle},
		"no more":              {2 * time.Minute, time.Hour, 2*time.Minute + b.StopIdle},
		"for ever":             {time.Hour, time.Hour, b.Stop},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sys := &slowSystem{exited: make(chan hcs.SystemExit, 1), busy: c.busy, stop: c.stop}
				l := newLive(Key{Task: "web"}, Detail{})
				l.bounds = b
				l.system.Store(watch(sys))
				r := &Runner{Log: slog.New(slog.DiscardHandler)}
				r.stop(l)
				if d := sys.terminated; d < c.cut || d > c.cut+2*progressTick {
					t.Errorf("cut after %v, want %v", d, c.cut)
				}
				if c.cut == 0 && time.Since(sys.began) != c.stop {
					t.Errorf("returned after %v, before or after the end", time.Since(sys.began))
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}
