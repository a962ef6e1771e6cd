package sim_test

import (
	"slices"
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
		synctest.Wait() // it has come to waiting
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

// TestAffinity: the job object of a silo takes processors that there are, as long as the system lives.
func TestAffinity(t *testing.T) {
	pair := func(g uint16, mask uint64) schema.GroupAffinity { return schema.GroupAffinity{Group: g, Mask: mask} }
	for name, c := range map[string]struct {
		facts hcs.Facts
		ask   []schema.GroupAffinity
		want  hcs.Code
	}{
		"some":                   {hcs.Facts{Processors: 4}, []schema.GroupAffinity{pair(0, 6)}, 0},
		"all of 64":              {hcs.Facts{Processors: 64}, []schema.GroupAffinity{pair(0, 1<<64-1)}, 0},
		"more than there are":    {hcs.Facts{Processors: 4}, []schema.GroupAffinity{pair(0, 16)}, hcs.ErrInvalidArgument},
		"none":                   {hcs.Facts{}, nil, hcs.ErrInvalidArgument},
		"no processor":           {hcs.Facts{}, []schema.GroupAffinity{pair(0, 0)}, hcs.ErrInvalidArgument},
		"a group twice":          {hcs.Facts{}, []schema.GroupAffinity{pair(0, 1), pair(0, 2)}, hcs.ErrInvalidArgument},
		"two groups":             {hcs.Facts{Processors: 96}, []schema.GroupAffinity{pair(0, 1), pair(1, 1<<31)}, 0},
		"two groups, divided":    {hcs.Facts{Processors: 96, Groups: []int{48, 48}}, []schema.GroupAffinity{pair(1, 1<<48)}, hcs.ErrInvalidArgument},
		"two groups, old build":  {hcs.Facts{Processors: 96, Build: 17763}, []schema.GroupAffinity{pair(0, 1), pair(1, 1)}, hcs.ErrInvalidArgument},
		"a group that is not on": {hcs.Facts{Processors: 64}, []schema.GroupAffinity{pair(1, 1)}, hcs.ErrInvalidArgument},
	} {
		inNode(t, sim.Config{Facts: c.facts}, func(n *node) {
			s, err := n.m.Compute.Create(n.ctx, "web", document(n.mount()))
			n.must(err)
			err = s.SetAffinity(n.ctx, c.ask)
			if hcs.CodeOf(err) != c.want {
				n.Errorf("%s: %v", name, err)
			}
			if got := n.svc.State().Systems[0].Affinity; c.want == 0 && !slices.Equal(got, c.ask) {
				n.Errorf("%s: the state has %v", name, got)
			}
			n.must(s.Terminate(n.ctx))
			<-s.Exited()
			n.is(s.SetAffinity(n.ctx, []schema.GroupAffinity{pair(0, 1)}), hcs.ErrFileNotFound)
			n.must(s.Close())
		})
	}
}
