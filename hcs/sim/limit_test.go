package sim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// withMemory makes a started container with a memory limit in MiB.
func (n *node) withMemory(mb uint64) hcs.System {
	n.Helper()
	doc := document(n.mount())
	doc.Container.Memory = &schema.Memory{SizeInMB: mb}
	s, err := n.m.Compute.Create(n.ctx, "web", doc)
	n.must(err)
	n.must(s.Start(n.ctx))
	return s
}

func (n *node) memory(s hcs.System) (commit, peak uint64) {
	n.Helper()
	p, err := s.Properties(n.ctx, schema.PropertyStatistics)
	n.must(err)
	return p.Statistics.Memory.MemoryUsageCommitBytes, p.Statistics.Memory.MemoryUsageCommitPeakBytes
}

const (
	mib      = 1 << 20
	noMemory = 0xC0000017
)

// TestMemoryLimit: commits are granted up to the limit, of all processes together, and what a refused one costs is its program's affair.
func TestMemoryLimit(t *testing.T) {
	for line, want := range map[string]struct {
		code uint32
		peak uint64
	}{
		"alloc 64MiB; exit 3":                    {3, 64 * mib},
		"alloc 65MiB; exit 3":                    {noMemory, 64 * mib},
		"commit 65MiB; exit 3":                   {noMemory, 0},
		"try-alloc 65MiB; exit 3":                {3, 64 * mib},
		"alloc 40MiB; free; alloc 40MiB; exit 3": {3, 40 * mib},
		"spawn { alloc 40MiB; sleep 1s }; sleep 500ms; alloc 40MiB; exit 3": {noMemory, 64 * mib},
		"spawn { alloc 40MiB }; sleep 500ms; alloc 40MiB; exit 3":           {3, 40 * mib},
	} {
		t.Run(line, func(t *testing.T) {
			inNode(t, sim.Config{}, func(n *node) {
				s := n.withMemory(64)
				p := n.run(s, line)
				if e := <-p.Exited(); e.Code != want.code {
					t.Errorf("exit 0x%x, want 0x%x", e.Code, want.code)
				}
				time.Sleep(time.Minute)
				if commit, peak := n.memory(s); commit != 0 || peak != want.peak {
					t.Errorf("commit %d, peak %d, want 0 and %d", commit, peak, want.peak)
				}
			})
		})
	}
}

// TestMemoryLimitThatChanges: a new limit counts for the next commit; what is committed stays.
func TestMemoryLimitThatChanges(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.withMemory(64)
		limit := func(mb uint64) {
			n.must(s.Modify(n.ctx, &schema.ModifySettingRequest{ResourcePath: schema.PathMemorySize, RequestType: schema.RequestUpdate, Settings: mb}))
		}
		p := n.run(s, "on CtrlC { try-alloc 32MiB }; alloc 48MiB; wait")
		commits := func(want uint64) {
			t.Helper()
			n.must(p.Signal(n.ctx, schema.CtrlC))
			synctest.Wait()
			if commit, _ := n.memory(s); commit != want*mib {
				t.Errorf("commit is %d MiB, want %d", commit/mib, want)
			}
		}
		commits(64)
		limit(100)
		commits(96)
		limit(10)
		commits(96)
		limit(200)
		commits(128)
	})
}

// TestMemoryLimitThatChangesWhileStarting reaches a container that is just being opened.
func TestMemoryLimitThatChangesWhileStarting(t *testing.T) {
	inNode(t, sim.Config{Launcher: slowLauncher{Launcher: sim.NewScripts()}}, func(n *node) {
		doc := document(n.mount())
		doc.Container.Memory = &schema.Memory{SizeInMB: 64}
		s, err := n.m.Compute.Create(n.ctx, "web", doc)
		n.must(err)
		started := make(chan error, 1)
		go func() { started <- s.Start(n.ctx) }()
		synctest.Wait()
		n.must(s.Modify(n.ctx, &schema.ModifySettingRequest{ResourcePath: schema.PathMemorySize, RequestType: schema.RequestUpdate, Settings: 128}))
		n.must(<-started)
		p := n.run(s, "alloc 100MiB; exit 3")
		if e := <-p.Exited(); e.Code != 3 {
			t.Errorf("exit 0x%x", e.Code)
		}
	})
}
