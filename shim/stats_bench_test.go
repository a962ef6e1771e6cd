package shim

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"

	"containerd-shim-hcs/hcs/sim"
)

// BenchmarkStats asks for the statistics of 100 containers of a pod over the shim's pipe: one after the other, as containerd does, and all
// at once, where each waits for the others. The simulator answers at once: what is measured is the shim.
func BenchmarkStats(b *testing.B) {
	n := newNode(b, sim.Config{}, nil)
	n.pod()
	const many = 100
	for i := range many {
		m := n.as(fmt.Sprint("c", i))
		m.create(spec("wait", m.place, limited(resources("memory", 64))))
		m.start("")
	}
	one := func(i int) time.Duration {
		began := time.Now()
		if _, err := n.task.Stats(b.Context(), &taskapi.StatsRequest{ID: fmt.Sprint("c", i%many)}); err != nil {
			b.Error(err)
		}
		return time.Since(began)
	}
	b.Run("alone", func(b *testing.B) {
		took := make([]time.Duration, 0, b.N)
		for i := range b.N {
			took = append(took, one(i))
		}
		percentiles(b, took)
	})
	b.Run("together", func(b *testing.B) {
		var mu sync.Mutex
		var took []time.Duration
		for range b.N {
			var all sync.WaitGroup
			for i := range many {
				all.Go(func() {
					d := one(i)
					mu.Lock()
					defer mu.Unlock()
					took = append(took, d)
				})
			}
			all.Wait()
		}
		percentiles(b, took)
	})
	if _, err := n.task.Shutdown(b.Context(), &taskapi.ShutdownRequest{ID: "web", Now: true}); err != nil {
		b.Error(err)
	}
	n.svc.Close()
}

func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
