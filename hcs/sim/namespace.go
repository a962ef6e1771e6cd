package sim

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// resource is one entry of a namespace's Resources (§7.1).
type resource struct {
	Type string
	Data resourceData
}

type resourceData struct {
	ID string `json:"ID"`
}

// resources is what is in a namespace: its endpoints, and the running systems by RuntimeId. The caller holds mu.
func (s *Service) resources(ns *object) []resource {
	list := []resource{}
	for _, e := range s.list(Endpoint) {
		if e.namespace == ns {
			list = append(list, resource{"Endpoint", resourceData{e.id}})
		}
	}
	for _, sys := range s.inside(ns) {
		list = append(list, resource{"Container", resourceData{sys.runtimeID}})
	}
	return list
}

// inside is the running systems of a namespace. The caller holds mu.
func (s *Service) inside(ns *object) []*system {
	var list []*system
	for _, sys := range s.systems {
		if sys.namespace == ns && sys.runs() {
			list = append(list, sys)
		}
	}
	slices.SortFunc(list, func(a, b *system) int { return cmp.Compare(a.id, b.id) })
	return list
}

// runs tells whether a system has joined its namespace and not yet left it. The caller holds mu.
func (sys *system) runs() bool {
	return (sys.starting || sys.group != nil) && sys.state != schema.StateStopped
}

// networkOf is the namespace that a document names. That it, the adapters and the container to share with must exist is assumed to
// be checked at create. The caller holds mu.
func (s *Service) networkOf(n *schema.Networking) (*object, error) {
	if n == nil {
		return nil, nil
	}
	for _, id := range n.NetworkAdapters {
		if s.find(Endpoint, id) == nil {
			return nil, missing(Endpoint, id)
		}
	}
	if other := n.NetworkSharedContainerName; other != "" && s.systems[systemKey(other)] == nil {
		return nil, refuse(hcs.ErrSystemNotFound, "no container %s to share a network with", other)
	}
	if n.Namespace == "" {
		return nil, nil
	}
	if _, ok := parseGUID(n.Namespace); !ok {
		return nil, refuse(hcs.ErrInvalidArgument, "namespace %q is not a GUID", n.Namespace)
	}
	ns := s.find(Namespace, n.Namespace)
	if ns == nil {
		return nil, missing(Namespace, n.Namespace)
	}
	return ns, nil
}

// modifyObject is the document of HcnModify (§7.1).
type modifyObject struct {
	ResourceType string
	RequestType  schema.RequestType
	Settings     json.RawMessage
}

// HcnModify changes an object: endpoints of a namespace, or policies of another object. Other resources are refused.
func (c *Client) HcnModify(kind Kind, h Handle, document string) error {
	return c.do("HcnModify"+string(kind), c.NameOf(h), func() error {
		o, err := c.object(kind, h)
		if err != nil {
			return err
		}
		var m modifyObject
		if err := decode(document, &m); err != nil {
			return refuse(hcs.ErrHCNInvalidJSON, "%v", err)
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		switch {
		case kind == Namespace && m.ResourceType == "Endpoint":
			var e struct {
				EndpointID string `json:"EndpointId"`
			}
			if err := decode(string(m.Settings), &e); err != nil {
				return refuse(hcs.ErrHCNInvalidJSON, "%v", err)
			}
			return c.svc.attach(o, e.EndpointID, m.RequestType, c.name)
		case kind != Namespace && m.ResourceType == "Policy":
			return c.svc.policies(o, m.RequestType, m.Settings)
		}
		return refuse(hcs.ErrNotSupported, "%s %s of a %s", m.RequestType, m.ResourceType, kind)
	})
}

// attach adds an endpoint to a namespace or removes it. The codes for an endpoint that is already, or not, there are assumed. The
// caller holds mu.
func (s *Service) attach(ns *object, endpoint string, what schema.RequestType, by string) error {
	e := s.find(Endpoint, endpoint)
	if e == nil {
		return missing(Endpoint, endpoint)
	}
	switch {
	case what == schema.RequestAdd && e.namespace == ns:
		return refuse(hcs.ErrHCNEndpointAttached, "endpoint %s is in namespace %s", e.id, ns.id)
	case what == schema.RequestAdd && e.namespace != nil:
		return refuse(hcs.ErrHCNNamespaceExists, "endpoint %s is in namespace %s", e.id, e.namespace.id)
	case what == schema.RequestAdd:
		e.namespace, e.joined = ns, by
	case what == schema.RequestRemove && e.namespace != ns:
		return refuse(hcs.ErrElementNotFound, "endpoint %s is not in namespace %s", e.id, ns.id)
	case what == schema.RequestRemove:
		e.namespace, e.joined = nil, ""
	default:
		return refuse(hcs.ErrInvalidArgument, "request %q of an endpoint", what)
	}
	return nil
}

// policies adds to, removes from or replaces an object's Policies. A policy is removed when it equals the one given. The caller holds mu.
func (s *Service) policies(o *object, what schema.RequestType, settings json.RawMessage) error {
	var given struct{ Policies []json.RawMessage }
	if err := decode(string(settings), &given); err != nil {
		return refuse(hcs.ErrHCNInvalidJSON, "%v", err)
	}
	var have []json.RawMessage
	if m := o.doc["Policies"]; present(m) {
		if err := json.Unmarshal(m, &have); err != nil {
			return refuse(hcs.ErrHCNInvalidJSON, "Policies: %v", err)
		}
	}
	switch what {
	case schema.RequestAdd:
		have = append(have, given.Policies...)
	case schema.RequestUpdate:
		have = append([]json.RawMessage{}, given.Policies...)
	case schema.RequestRemove:
		have = slices.DeleteFunc(have, func(p json.RawMessage) bool {
			return slices.ContainsFunc(given.Policies, func(g json.RawMessage) bool { return strings.EqualFold(text(p), text(g)) })
		})
	default:
		return refuse(hcs.ErrInvalidArgument, "request %q of policies", what)
	}
	return s.publish(o, have)
}
