package node

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"containerd-shim-hcs/hcs/schema"
)

// Holdings is what the machine holds, each thing by its name.
type Holdings struct {
	Systems, Processes, Layers, Networks, Namespaces, Endpoints, Mappings []string

	Ledgers []string // files of our shim's containers; only from who looks for them

	Attached   map[string][]string         // endpoints by namespace
	Containers map[string]schema.Container // of the systems
	Affinity   map[string][]schema.GroupAffinity
	Consoles   map[string][][]uint16 // by system: height, width of its processes with a terminal
	Running    map[string]int        // by system: how many processes
}

// Minus lists what h holds and o does not, or returns "".
func (h Holdings) Minus(o Holdings) string {
	var all []string
	for _, k := range []struct {
		kind     string
		now, old []string
	}{
		{"system", h.Systems, o.Systems}, {"process", h.Processes, o.Processes},
		{"layer", h.Layers, o.Layers}, {"network", h.Networks, o.Networks}, {"namespace", h.Namespaces, o.Namespaces},
		{"endpoint", h.Endpoints, o.Endpoints}, {"mapping", h.Mappings, o.Mappings},
		{"ledger", h.Ledgers, o.Ledgers},
	} {
		had := map[string]bool{}
		for _, s := range k.old {
			had[s] = true
		}
		for _, s := range k.now {
			if !had[s] {
				all = append(all, k.kind+" "+s)
			}
		}
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// parseState reads the answer to SimState. A kind that it does not tell of is an error: what is not told would be taken for gone.
func parseState(b []byte) (Holdings, error) {
	type object struct {
		ID string `json:"id"`
		By string `json:"by"` // empty: no client made it, it was there

		Endpoints []string `json:"endpoints"` // of a namespace
	}
	var doc struct {
		Systems []struct {
			ID        string                 `json:"id"`
			State     string                 `json:"state"`
			Container schema.Container       `json:"container"`
			Affinity  []schema.GroupAffinity `json:"affinity"`
		} `json:"systems"`
		Processes []struct {
			System    string   `json:"system"`
			Console   []uint16 `json:"console"`
			ProcessID uint32   `json:"ProcessId"`
			ImageName string   `json:"ImageName"`
		} `json:"processes"`
		Layers []struct {
			Path string `json:"path"`
		} `json:"layers"`
		Networks   []object `json:"networks"`
		Namespaces []object `json:"namespaces"`
		Endpoints  []object `json:"endpoints"`
		Mappings   []string `json:"mappings"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return Holdings{}, fmt.Errorf("SimState: %w", err)
	}
	if doc.Systems == nil || doc.Processes == nil || doc.Layers == nil || doc.Networks == nil || doc.Namespaces == nil || doc.Endpoints == nil || doc.Mappings == nil {
		return Holdings{}, fmt.Errorf("SimState does not tell of every kind: %s", b)
	}
	h := Holdings{Mappings: doc.Mappings, Attached: map[string][]string{}, Containers: map[string]schema.Container{}, Affinity: map[string][]schema.GroupAffinity{}, Consoles: map[string][][]uint16{}, Running: map[string]int{}}
	for _, s := range doc.Systems {
		h.Systems = append(h.Systems, s.ID)
		h.Containers[s.ID] = s.Container
		h.Affinity[s.ID] = s.Affinity
	}
	for _, p := range doc.Processes {
		h.Running[p.System]++
		if len(p.Console) == 2 {
			h.Consoles[p.System] = append(h.Consoles[p.System], p.Console)
		}
		h.Processes = append(h.Processes, fmt.Sprintf("%d %s of %s", p.ProcessID, p.ImageName, p.System))
	}
	for _, n := range doc.Namespaces {
		h.Attached[n.ID] = n.Endpoints
	}
	for _, l := range doc.Layers {
		h.Layers = append(h.Layers, l.Path)
	}
	for dst, list := range map[*[]string][]object{&h.Networks: doc.Networks, &h.Namespaces: doc.Namespaces, &h.Endpoints: doc.Endpoints} {
		for _, o := range list {
			if o.By != "" {
				*dst = append(*dst, o.ID)
			}
		}
	}
	return h, nil
}
