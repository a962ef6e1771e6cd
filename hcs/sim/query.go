package sim

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// EnumerateComputeSystems is the JSON array of the systems that match the query, stopped ones that still have a handle included.
func (c *Client) EnumerateComputeSystems(query string) (doc string, err error) {
	err = c.do("HcsEnumerateComputeSystems", "", func() error {
		var q schema.SystemQuery
		if err := decode(query, &q); err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		list := []schema.Properties{}
		for _, sys := range c.svc.systemList() {
			p := sys.basic()
			if among(q.IDs, p.ID) && among(q.Names, p.Name) && among(q.Types, p.SystemType) && among(q.Owners, p.Owner) {
				list = append(list, p)
			}
		}
		doc = text(list)
		return nil
	})
	return doc, err
}

func among(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }

// systemList is all systems in the order of their ids. The caller holds mu.
func (s *Service) systemList() []*system {
	list := make([]*system, 0, len(s.systems))
	for _, sys := range s.systems {
		list = append(list, sys)
	}
	slices.SortFunc(list, func(a, b *system) int { return cmp.Compare(a.id, b.id) })
	return list
}

// basic is what a query without types answers (§3).
func (sys *system) basic() schema.Properties {
	p := schema.Properties{
		ID: sys.id, Name: sys.id, SystemType: "Container", RuntimeOSType: "Windows", Owner: sys.doc.Owner, RuntimeID: sys.runtimeID, State: sys.state,
	}
	if sys.state == schema.StateStopped {
		p.Stopped, p.ExitType = true, sys.exit.ExitType
	}
	return p
}

// answer is a Properties document with the answers of schema 2.5.
type answer struct {
	schema.Properties
	PropertyResponses map[string]response `json:"PropertyResponses,omitempty"`
}

type response struct {
	Response any                 `json:"Response,omitempty"`
	Error    *schema.ResultError `json:"Error,omitempty"`
}

// ComputeSystemProperties answers a PropertyQuery: the basic properties, those of PropertyTypes, and one response for each of Queries,
// in which an error concerns that query only (§3.1).
func (c *Client) ComputeSystemProperties(h Handle, query string) (doc string, err error) {
	err = c.do("HcsGetComputeSystemProperties", c.NameOf(h), func() error {
		r, err := use[*systemRef](c, h)
		if err != nil {
			return err
		}
		var q schema.PropertyQuery
		if err := decode(query, &q); err != nil {
			return err
		}
		facts := c.svc.measure(r.sys)
		a := answer{Properties: facts.basic}
		for _, t := range q.PropertyTypes {
			if err := facts.fill(&a.Properties, t); err != nil {
				return err
			}
		}
		for name := range q.Queries {
			if a.PropertyResponses == nil {
				a.PropertyResponses = map[string]response{}
			}
			a.PropertyResponses[name] = facts.respond(schema.PropertyType(name))
		}
		doc = text(a)
		return nil
	})
	return doc, err
}

// measured is a system at one moment.
type measured struct {
	basic     schema.Properties
	terminate bool
	started   time.Time
	processes []schema.ProcessDetails
	usage     Usage
}

// measure asks the launcher, which must not be done under the lock.
func (s *Service) measure(sys *system) *measured {
	s.mu.Lock()
	m := &measured{basic: sys.basic(), terminate: sys.doc.ShouldTerminateOnLastHandleClosed, started: sys.started}
	var group Group
	if sys.state == schema.StateRunning {
		group = sys.group
	}
	s.mu.Unlock()
	if group != nil {
		m.processes, m.usage = group.Processes(), group.Usage()
	}
	return m
}

// fill adds the properties of one type. That those of a silo need a running one is assumed (§2.2 knows the codes that clients expect).
func (m *measured) fill(p *schema.Properties, t schema.PropertyType) error {
	switch t {
	case schema.PropertyProcessList, schema.PropertyStatistics:
		if m.basic.State != schema.StateRunning {
			return refuse(hcs.ErrInvalidState, "%s of a system that is %s", t, m.basic.State)
		}
	}
	switch t {
	case schema.PropertyProcessList:
		p.ProcessList = m.processes
	case schema.PropertyStatistics:
		p.Statistics = m.statistics()
	case schema.PropertyTerminateOnLastHandleClosed:
		p.TerminateOnLastHandleClosed = m.terminate
	case schema.PropertyMemory, "GuestMemory", "SharedMemoryRegion", "GuestConnection", "ICHeartbeatStatus", "SystemGUID":
		// They describe a virtual machine (§3.1); the code for a container is assumed.
		return refuse(hcs.ErrNotSupported, "%s of a container", t)
	default:
		return refuse(hcs.ErrInvalidData, "property type %q is not known", t)
	}
	return nil
}

func (m *measured) respond(t schema.PropertyType) response {
	var p schema.Properties
	if err := m.fill(&p, t); err != nil {
		return response{Error: &schema.ResultError{Error: statusOf(hcs.CodeOf(err)), ErrorMessage: hcs.CodeOf(err).Text()}}
	}
	switch t {
	case schema.PropertyProcessList:
		return response{Response: p.ProcessList}
	case schema.PropertyStatistics:
		return response{Response: p.Statistics}
	default:
		return response{Response: p.TerminateOnLastHandleClosed}
	}
}

func (m *measured) statistics() *schema.Statistics {
	u := m.usage
	now := time.Now()
	return &schema.Statistics{
		Timestamp: now.UTC(), ContainerStartTime: m.started.UTC(), Uptime100ns: uint64(now.Sub(m.started) / 100), //nolint:gosec // positive
		Processor: &schema.ProcessorStats{
			TotalRuntime100ns: u.User100ns + u.Kernel100ns, RuntimeUser100ns: u.User100ns, RuntimeKernel100ns: u.Kernel100ns,
		},
		Memory: &schema.MemoryStats{
			MemoryUsageCommitBytes: u.CommitBytes, MemoryUsageCommitPeakBytes: u.PeakCommitBytes, MemoryUsagePrivateWorkingSetBytes: u.PrivateSet,
		},
		Storage: &schema.StorageStats{
			ReadCountNormalized: u.ReadCount, ReadSizeBytes: u.ReadBytes, WriteCountNormalized: u.WriteCount, WriteSizeBytes: u.WrBytes,
		},
	}
}

// errorDocument is the ResultError that goes with a failed call (§2.3).
func errorDocument(e *hcs.Error, code hcs.Code) string {
	d := schema.ResultError{Error: statusOf(code), ErrorMessage: code.Text(), ErrorEvents: e.Events}
	if e.Message != "" {
		d.ErrorEvents = append(slices.Clone(d.ErrorEvents), schema.ErrorEvent{Message: e.Op + ": " + e.Message, Source: "hcs/sim"})
	}
	b, _ := json.Marshal(d)
	return string(b)
}

// ErrorDocument is the document of a failed call, with its code in the family of the DLL that was called.
func ErrorDocument(e *hcs.Error, v1 bool) string {
	code := e.Code
	if v1 {
		code = code.V1()
	}
	return errorDocument(e, code)
}
