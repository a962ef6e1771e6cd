package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"containerd-shim-hcs/hcs/schema"
)

// State is everything that exists, in a stable order.
type State struct {
	Systems    []SystemState  `json:"systems"`
	Processes  []ProcessState `json:"processes"` // what runs, children included
	Layers     []LayerState   `json:"layers"`    // active ones
	Namespaces []ObjectState  `json:"namespaces"`
	Endpoints  []ObjectState  `json:"endpoints"`
	Networks   []ObjectState  `json:"networks"`
	Others     []ObjectState  `json:"others"`   // load balancers and routes
	Mappings   []string       `json:"mappings"` // of bindflt: root
	Guards     []string       `json:"guards"`   // credential guard instances
	CPUGroups  []string       `json:"cpuGroups"`
	Clients    []ClientState  `json:"clients"`
}

// SystemState is one compute system.
type SystemState struct {
	ID        string           `json:"id"`
	RuntimeID string           `json:"runtimeId"`
	Owner     string           `json:"owner"`
	State     schema.State     `json:"state"`
	ExitType  schema.ExitType  `json:"exitType,omitempty"`
	ExitedAt  *time.Time       `json:"exitedAt,omitempty"`
	Handles   int              `json:"handles"`
	Layer     string           `json:"layer"`
	Namespace string           `json:"namespace,omitempty"`
	Container schema.Container `json:"container"` // as created and modified

	Affinity []schema.GroupAffinity `json:"affinity,omitempty"` // of the silo's job
	Frozen   bool                   `json:"frozen,omitempty"`
}

// ProcessState is one running process.
type ProcessState struct {
	System  string   `json:"system"`
	Console []uint16 `json:"console,omitempty"` // height, width of a process with a terminal, as last told
	schema.ProcessDetails
}

// LayerState is one active layer.
type LayerState struct {
	Path        string   `json:"path"`
	Volume      string   `json:"volume,omitempty"`
	Activations int      `json:"activations"`
	Prepared    bool     `json:"prepared"`
	Parents     []string `json:"parents,omitempty"`
	System      string   `json:"system,omitempty"` // that uses it
}

// ObjectState is one HCN object.
type ObjectState struct {
	Kind      Kind     `json:"kind"`
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`
	By        string   `json:"by,omitempty"`        // the client that made it; empty: it was there
	Network   string   `json:"network,omitempty"`   // of an endpoint
	Namespace string   `json:"namespace,omitempty"` // of an endpoint
	JoinedBy  string   `json:"joinedBy,omitempty"`  // the client that attached it there
	Endpoints []string `json:"endpoints,omitempty"` // of a namespace
	Systems   []string `json:"systems,omitempty"`   // running in a namespace
}

// ClientState is one connected process.
type ClientState struct {
	Name    string   `json:"name"`
	Pid     int      `json:"pid"`
	Handles []string `json:"handles"` // open ones: kind and what they name
}

// State is a dump of the model. As JSON it has an array for each kind, also when there is none of it.
func (s *Service) State() State {
	s.mu.Lock()
	st := State{
		Systems: []SystemState{}, Processes: []ProcessState{}, Layers: []LayerState{}, Namespaces: []ObjectState{}, Endpoints: []ObjectState{},
		Networks: []ObjectState{}, Others: []ObjectState{}, Mappings: []string{}, Guards: []string{}, CPUGroups: []string{}, Clients: []ClientState{},
	}
	groups := map[string]Group{}
	consoles := map[string]map[uint32][]uint16{}
	for _, sys := range s.systemList() {
		st.Systems = append(st.Systems, sys.dump())
		if sys.state == schema.StateRunning {
			groups[sys.id] = sys.group
			consoles[sys.id] = map[uint32][]uint16{}
			for _, p := range sys.live {
				consoles[sys.id][p.pid] = p.console
			}
		}
	}
	for _, l := range s.layers {
		ls := LayerState{Path: l.path, Volume: l.volume, Activations: l.active, Prepared: l.prepared, Parents: l.parents}
		if l.user != nil {
			ls.System = l.user.id
		}
		st.Layers = append(st.Layers, ls)
	}
	slices.SortFunc(st.Layers, func(a, b LayerState) int { return cmp.Compare(a.Path, b.Path) })
	s.dumpObjects(&st)
	for _, m := range s.mappings {
		st.Mappings = append(st.Mappings, m.Root)
	}
	for _, g := range s.guards {
		st.Guards = append(st.Guards, g.ID)
	}
	for id := range s.groups {
		st.CPUGroups = append(st.CPUGroups, id)
	}
	for c := range s.clients {
		st.Clients = append(st.Clients, c.dump())
	}
	s.mu.Unlock()
	slices.Sort(st.Mappings)
	slices.Sort(st.Guards)
	slices.Sort(st.CPUGroups)
	slices.SortFunc(st.Clients, func(a, b ClientState) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Pid, b.Pid)) })
	for _, sys := range st.Systems { // the launcher is not asked under the lock
		if g := groups[sys.ID]; g != nil {
			for _, p := range g.Processes() {
				st.Processes = append(st.Processes, ProcessState{sys.ID, consoles[sys.ID][p.ProcessID], p})
			}
		}
	}
	return st
}

func (sys *system) dump() SystemState {
	d := SystemState{
		ID: sys.id, RuntimeID: sys.runtimeID, Owner: sys.doc.Owner, State: sys.state, Handles: len(sys.refs), Layer: sys.layer.path,
		Container: *sys.doc.Container, Affinity: sys.affinity, Frozen: sys.frozen,
	}
	if sys.namespace != nil {
		d.Namespace = sys.namespace.id
	}
	if sys.state == schema.StateStopped {
		d.ExitType, d.ExitedAt = sys.exit.ExitType, &sys.exitedAt
	}
	return d
}

func (s *Service) dumpObjects(st *State) {
	for _, kind := range Kinds {
		for _, o := range s.list(kind) {
			d := ObjectState{Kind: kind, ID: o.id, Name: rawString(o.doc["Name"]), By: o.by}
			if o.network != nil {
				d.Network = o.network.id
			}
			if o.namespace != nil {
				d.Namespace, d.JoinedBy = o.namespace.id, o.joined
			}
			switch kind {
			case Namespace:
				for _, e := range s.list(Endpoint) {
					if e.namespace == o {
						d.Endpoints = append(d.Endpoints, e.id)
					}
				}
				for _, sys := range s.inside(o) {
					d.Systems = append(d.Systems, sys.id)
				}
				st.Namespaces = append(st.Namespaces, d)
			case Endpoint:
				st.Endpoints = append(st.Endpoints, d)
			case Network:
				st.Networks = append(st.Networks, d)
			default:
				st.Others = append(st.Others, d)
			}
		}
	}
}

func (c *Client) dump() ClientState {
	d := ClientState{Name: c.name, Pid: c.pid, Handles: []string{}}
	for _, sl := range c.slots {
		switch o := sl.object.(type) {
		case *systemRef:
			d.Handles = append(d.Handles, "system "+o.sys.id)
		case *processRef:
			d.Handles = append(d.Handles, fmt.Sprintf("process %d of %s", o.p.pid, o.p.sys.id))
		case *objectRef:
			d.Handles = append(d.Handles, fmt.Sprintf("%s %s", o.o.kind, o.o.id))
		}
	}
	for o := range c.owned {
		if f, ok := o.(*family); ok {
			d.Handles = append(d.Handles, fmt.Sprintf("the job of process %d", f.pid))
		}
	}
	slices.Sort(d.Handles)
	return d
}

// Held is what exists that clients made: systems, active layers, HCN objects and attachments, mappings, credential guard instances,
// and open handles. What the Add methods set up is not counted.
func (s *Service) Held() []string {
	st := s.State()
	var held []string
	add := func(format string, args ...any) { held = append(held, fmt.Sprintf(format, args...)) }
	for _, sys := range st.Systems {
		add("system %s (%s, %d handles)", sys.ID, sys.State, sys.Handles)
	}
	for _, p := range st.Processes {
		add("process %d %s of %s", p.ProcessID, p.ImageName, p.System)
	}
	for _, l := range st.Layers {
		add("layer %s (active %d, prepared %t)", l.Path, l.Activations, l.Prepared)
	}
	for _, list := range [][]ObjectState{st.Namespaces, st.Endpoints, st.Networks, st.Others} {
		for _, o := range list {
			if o.By != "" {
				add("%s %s made by %s", o.Kind, o.ID, o.By)
			}
			if o.JoinedBy != "" {
				add("endpoint %s attached to %s by %s", o.ID, o.Namespace, o.JoinedBy)
			}
		}
	}
	for _, m := range st.Mappings {
		add("mapping %s", m)
	}
	for _, g := range st.Guards {
		add("credential guard %s", g)
	}
	for _, g := range st.CPUGroups {
		add("CPU group %s", g)
	}
	for _, c := range st.Clients {
		for _, h := range c.Handles {
			add("handle of %s on %s", c.Name, h)
		}
	}
	return held
}
