package sim

import (
	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// Load is what the simulated machine is doing, as its performance counters tell it. It is no call of the service, so the journal does not
// have it.
type Load struct {
	Processors int
	MemoryMB   uint64           // physical
	Systems    map[string]Usage // what each running system used since its start, by RuntimeId
	Networks   []NetworkLoad    // in the order of their ids
}

// NetworkLoad is one network with what passed through each of its endpoints.
type NetworkLoad struct {
	ID, Name  string
	Endpoints []hcs.Traffic
}

// Load measures the machine.
func (s *Service) Load() Load {
	s.mu.Lock()
	l := Load{Processors: s.facts.Processors, MemoryMB: s.facts.MemoryMB, Systems: map[string]Usage{}}
	groups := map[string]Group{}
	for _, sys := range s.systems {
		if sys.state == schema.StateRunning && sys.group != nil {
			groups[sys.runtimeID] = sys.group
		}
	}
	for _, n := range s.list(Network) {
		nl := NetworkLoad{ID: n.id, Name: rawString(n.doc["Name"])}
		for _, e := range s.list(Endpoint) {
			if e.network == n {
				t := e.traffic
				t.Endpoint = e.id
				nl.Endpoints = append(nl.Endpoints, t)
			}
		}
		l.Networks = append(l.Networks, nl)
	}
	s.mu.Unlock()
	for id, g := range groups { // not under the lock: the launcher may take its time
		l.Systems[id] = g.Usage()
	}
	return l
}
