package sim

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// cpuGroup and guard are what HcsModifyServiceSettings makes (§3.1).
type cpuGroup struct {
	GroupID         string `json:"GroupId"`
	Affinity        affinity
	GroupProperties []groupProperty
}

type affinity struct {
	LogicalProcessorCount int      `json:",omitempty"`
	LogicalProcessors     []uint32 `json:",omitempty"`
}

type groupProperty struct {
	PropertyCode  uint32
	PropertyValue uint32
}

type guard struct {
	ID              string                          `json:"Id"`
	CredentialGuard schema.ContainerCredentialGuard `json:"CredentialGuard"`
}

// ServiceProperties answers a query of the service, one element of Properties for each type. Memory and QoSCapabilities are refused:
// no source shows their shape.
func (c *Client) ServiceProperties(query string) (doc string, err error) {
	err = c.do("HcsGetServiceProperties", "", func() error {
		var q schema.PropertyQuery
		if err := decode(query, &q); err != nil {
			return err
		}
		if len(q.Queries) > 0 {
			return refuse(hcs.ErrNotSupported, "Queries of the service are not modelled")
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		list := []any{}
		for _, t := range q.PropertyTypes {
			p, err := c.svc.serviceProperty(t)
			if err != nil {
				return err
			}
			list = append(list, p)
		}
		doc = text(map[string]any{"Properties": list})
		return nil
	})
	return doc, err
}

// serviceProperty is one answer. The caller holds mu.
func (s *Service) serviceProperty(t schema.PropertyType) (any, error) {
	switch t {
	case "Basic":
		return map[string]any{"SupportedSchemaVersions": []schema.Version{{Major: 1}, {Major: 2, Minor: schemaMinor}}}, nil
	case "ProcessorTopology":
		type element struct {
			LpIndex     int
			NodeNumber  int
			PackageID   int `json:"PackageId"`
			CoreID      int `json:"CoreId"`
			RootVpIndex int
		}
		list := []element{}
		for i := range s.facts.Processors {
			list = append(list, element{LpIndex: i, CoreID: i, RootVpIndex: i})
		}
		return map[string]any{"LogicalProcessorCount": len(list), "LogicalProcessors": list}, nil
	case "CpuGroup":
		list := slices.SortedFunc(maps.Values(s.groups), func(a, b *cpuGroup) int { return cmp.Compare(a.GroupID, b.GroupID) })
		return map[string]any{"CpuGroups": emptyNotNull(list)}, nil
	case "ContainerCredentialGuard":
		list := slices.SortedFunc(maps.Values(s.guards), func(a, b *guard) int { return cmp.Compare(a.ID, b.ID) })
		return map[string]any{"Instances": emptyNotNull(list)}, nil
	case "Memory", "QoSCapabilities":
		return nil, refuse(hcs.ErrNotSupported, "service property %s is not modelled", t)
	}
	return nil, refuse(hcs.ErrInvalidData, "service property type %q is not known", t)
}

func emptyNotNull[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ModifyServiceSettings makes and removes CPU groups and credential guard instances.
func (c *Client) ModifyServiceSettings(document string) (doc string, err error) {
	err = c.do("HcsModifyServiceSettings", "", func() error {
		var m struct {
			PropertyType string
			Settings     struct {
				Operation        string
				OperationDetails json.RawMessage
			}
		}
		if err := decode(document, &m); err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		details := string(m.Settings.OperationDetails)
		switch m.PropertyType {
		case "CpuGroup":
			return c.svc.modifyGroup(m.Settings.Operation, details)
		case "ContainerCredentialGuard":
			return c.svc.modifyGuard(m.Settings.Operation, details)
		}
		return refuse(hcs.ErrNotSupported, "settings of %q are not modelled", m.PropertyType)
	})
	return doc, err
}

// modifyGroup changes CPU groups; the codes are assumed. The caller holds mu.
func (s *Service) modifyGroup(operation, details string) error {
	var d struct {
		GroupID               string `json:"GroupId"`
		LogicalProcessorCount int
		LogicalProcessors     []uint32
		PropertyCode          uint32
		PropertyValue         uint32
	}
	if err := decode(details, &d); err != nil {
		return err
	}
	id, ok := parseGUID(d.GroupID)
	if !ok {
		return refuse(hcs.ErrInvalidArgument, "GroupId %q is not a GUID", d.GroupID)
	}
	g := s.groups[id]
	if operation == "CreateGroup" {
		if g != nil {
			return refuse(hcs.ErrAlreadyExists, "CPU group %s exists", id)
		}
		s.groups[id] = &cpuGroup{GroupID: id, Affinity: affinity{d.LogicalProcessorCount, d.LogicalProcessors}, GroupProperties: []groupProperty{}}
		return nil
	}
	if g == nil {
		return refuse(hcs.ErrElementNotFound, "no CPU group %s", id)
	}
	switch operation {
	case "DeleteGroup":
		delete(s.groups, id)
	case "SetProperty":
		g.GroupProperties = slices.DeleteFunc(g.GroupProperties, func(p groupProperty) bool { return p.PropertyCode == d.PropertyCode })
		g.GroupProperties = append(g.GroupProperties, groupProperty{d.PropertyCode, d.PropertyValue})
	default:
		return refuse(hcs.ErrInvalidArgument, "operation %q on a CPU group", operation)
	}
	return nil
}

// modifyGuard adds and removes credential guard instances; the codes are assumed. The caller holds mu.
func (s *Service) modifyGuard(operation, details string) error {
	var d struct {
		ID             string `json:"Id"`
		CredentialSpec string
		Transport      string
	}
	if err := decode(details, &d); err != nil {
		return err
	}
	have := s.guards[systemKey(d.ID)]
	switch {
	case d.ID == "":
		return refuse(hcs.ErrInvalidArgument, "no Id")
	case operation == "AddInstance" && have != nil:
		return refuse(hcs.ErrAlreadyExists, "instance %s exists", d.ID)
	case operation == "AddInstance" && !json.Valid([]byte(d.CredentialSpec)):
		return refuse(hcs.ErrInvalidArgument, "CredentialSpec is not JSON")
	case operation == "AddInstance":
		s.guards[systemKey(d.ID)] = &guard{ID: d.ID, CredentialGuard: schema.ContainerCredentialGuard{
			Cookie: s.newGUID("cookie"), RPCEndpoint: s.newGUID("endpoint"), Transport: d.Transport, CredentialSpec: d.CredentialSpec,
		}}
	case operation == "RemoveInstance" && have == nil:
		return refuse(hcs.ErrElementNotFound, "no instance %s", d.ID)
	case operation == "RemoveInstance":
		delete(s.guards, systemKey(d.ID))
	default:
		return refuse(hcs.ErrInvalidArgument, "operation %q on a credential guard", operation)
	}
	return nil
}
