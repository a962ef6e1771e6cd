package sim_test

import (
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

func TestLoad(t *testing.T) {
	inNode(t, sim.Config{Facts: hcs.Facts{Processors: 4, MemoryMB: 1024}}, func(n *node) {
		id := n.svc.AddNetwork("nat")
		traffic := hcs.Traffic{Endpoint: n.svc.AddEndpoint(id, "e"), BytesSent: 7}
		n.svc.AddTraffic(traffic)
		l := n.svc.Load()
		if l.Processors != 4 || l.MemoryMB != 1024 || len(l.Systems) != 0 {
			t.Errorf("load %+v", l)
		}
		if len(l.Networks) != 1 || l.Networks[0].Name != "nat" || len(l.Networks[0].Endpoints) != 1 || l.Networks[0].Endpoints[0] != traffic {
			t.Errorf("networks %+v", l.Networks)
		}
		s := n.running("web")
		n.run(s, "alloc 5MiB; burn 1s; sleep 1h")
		time.Sleep(2 * time.Second)
		l = n.svc.Load()
		if len(l.Systems) != 1 {
			t.Fatalf("systems %+v", l.Systems)
		}
		for _, u := range l.Systems {
			if u.CommitBytes < 5<<20 || u.User100ns+u.Kernel100ns < 10_000_000 {
				t.Errorf("usage %+v", u)
			}
		}
		n.must(s.Terminate(n.ctx))
		<-s.Exited()
		if l = n.svc.Load(); len(l.Systems) != 0 {
			t.Errorf("systems after the end %+v", l.Systems)
		}
	})
}
