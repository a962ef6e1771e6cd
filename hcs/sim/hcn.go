package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
)

// Kind is a kind of HCN object, as it appears in the names of the calls.
type Kind string

// The kinds (§1.4).
const (
	Network      Kind = "Network"
	Endpoint     Kind = "Endpoint"
	Namespace    Kind = "Namespace"
	LoadBalancer Kind = "LoadBalancer"
	SdnRoute     Kind = "SdnRoute"
)

// Kinds are all kinds.
var Kinds = []Kind{Network, Endpoint, Namespace, LoadBalancer, SdnRoute}

// settings are the members that a document of each kind may have: those of the public clients' types (§7.1).
var settings = map[Kind][]string{
	Network:      {"ID", "Name", "Type", "Policies", "MacPool", "Dns", "Ipams", "Flags", "Health", "SchemaVersion"},
	Endpoint:     {"ID", "Name", "HostComputeNetwork", "HostComputeNamespace", "Policies", "IpConfigurations", "Dns", "Routes", "MacAddress", "Flags", "Health", "SchemaVersion"},
	Namespace:    {"ID", "NamespaceId", "Type", "Resources", "ReadyOnCreate", "SchemaVersion"},
	LoadBalancer: {"ID", "HostComputeEndpoints", "SourceVIP", "PortMappings", "FrontendVIPs", "Policies", "Flags", "SchemaVersion"},
	SdnRoute:     {"ID", "HostComputeEndpoints", "DestinationPrefix", "NextHop", "AutomaticEncapsulation", "SchemaVersion"},
}

type objectKey struct {
	kind Kind
	id   string // upper case
}

// object is one HCN object. Guarded by Service.mu.
type object struct {
	kind      Kind
	id        string
	doc       map[string]json.RawMessage // what was asked for, without the members that the model answers
	by        string                     // the client that made it
	deleted   bool
	network   *object      // of an endpoint
	namespace *object      // of an endpoint: where it is attached
	joined    string       // the client that attached it
	number    uint32       // of a namespace: its compartment
	traffic   hcs.Traffic  // of an endpoint
	published []publishing // of an endpoint
	dns       bool         // of an endpoint: HNS's own server of names is among its servers
	freed     []netip.Addr // of a network: what its endpoints had that are gone, the oldest first
}

// objectRef is one handle on an object.
type objectRef struct{ o *object }

func (r *objectRef) drop(*Service) {} // an object does not end with its handles

// readObject decodes settings of a kind.
func readObject(kind Kind, doc string) (map[string]json.RawMessage, error) {
	if strings.TrimSpace(doc) == "" {
		doc = "{}"
	}
	fields, order, err := membersOf([]byte(doc), "")
	if err != nil {
		return nil, refuse(hcs.ErrHCNInvalidJSON, "%v", err)
	}
	for _, name := range order {
		if !slices.Contains(settings[kind], name) {
			return nil, refuse(hcs.ErrHCNInvalidJSON, "unknown field %s", name)
		}
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	return fields, nil
}

// HcnCreate makes an object. guid is the id, all zero for one of the service's choice; an id in the settings must not differ. An
// endpoint is made in the network behind a handle.
func (c *Client) HcnCreate(kind Kind, h, network Handle, guid, doc string) error {
	return c.make("HcnCreate"+string(kind), strings.ToUpper(guid), h, func() (any, error) {
		fields, err := readObject(kind, doc)
		if err != nil {
			return nil, err
		}
		var in *object
		if kind == Endpoint {
			r, err := use[*objectRef](c, network)
			if err != nil {
				return nil, err
			}
			in = r.o
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		o, err := c.svc.create(kind, in, guid, fields, c.name)
		if err != nil {
			return nil, err
		}
		return &objectRef{o}, nil
	})
}

// create makes an object. The caller holds mu.
func (s *Service) create(kind Kind, network *object, guid string, fields map[string]json.RawMessage, by string) (*object, error) {
	id, ok := parseGUID(guid)
	if !ok {
		return nil, refuse(hcs.ErrInvalidArgument, "%q is not a GUID", guid)
	}
	if given, ok := parseGUID(rawString(fields["ID"])); ok {
		if id != zeroGUID && id != given {
			return nil, refuse(hcs.ErrInvalidArgument, "id %s and settings with ID %s", id, given)
		}
		id = given
	}
	if id == zeroGUID {
		id = strings.ToUpper(s.newGUID(string(kind)))
	}
	if s.objects[objectKey{kind, id}] != nil { // the code is assumed
		return nil, refuse(hcs.ErrAlreadyExists, "%s %s exists", kind, id)
	}
	o := &object{kind: kind, id: id, doc: fields, by: by, network: network}
	switch kind {
	case Endpoint:
		if network == nil || network.kind != Network || network.deleted {
			return nil, refuse(hcs.ErrHCNNetworkNotFound, "no network")
		}
		if ns := rawString(fields["HostComputeNamespace"]); ns != "" && !strings.EqualFold(ns, zeroGUID) {
			target := s.find(Namespace, ns)
			if target == nil {
				return nil, refuse(hcs.ErrElementNotFound, "no namespace %s", ns)
			}
			o.namespace, o.joined = target, by
		}
		if err := s.assign(fields, network); err != nil {
			return nil, err
		}
		if rawString(fields["MacAddress"]) == "" {
			s.serial++ // from a pool of the network's (§7.1); that it is this one, which Microsoft has for Hyper-V, is assumed
			setString(fields, "MacAddress", fmt.Sprintf("00-15-5D-%02X-%02X-%02X", byte(s.serial>>16), byte(s.serial>>8), byte(s.serial)))
		}
		if err := s.publish(o, policiesOf(o)); err != nil {
			return nil, err
		}
	case Namespace:
		switch t := rawString(fields["Type"]); t {
		case "", "Host", "HostDefault", "Guest", "GuestDefault":
		default:
			return nil, refuse(hcs.ErrInvalidArgument, "namespace type %q", t)
		}
		s.serial++
		o.number = s.serial + 1 // 1 is the host's
	}
	s.objects[objectKey{kind, id}] = o
	return o, nil
}

// find is the object with an id in any case, nil if there is none. The caller holds mu.
func (s *Service) find(kind Kind, guid string) *object {
	id, _ := parseGUID(guid)
	return s.objects[objectKey{kind, id}]
}

// missing is the code for an object that does not exist (§7.1: one of these; which for the last is assumed).
func missing(kind Kind, guid string) error {
	code := hcs.ErrElementNotFound
	switch kind {
	case Network:
		code = hcs.ErrHCNNetworkNotFound
	case Endpoint:
		code = hcs.ErrHCNEndpointNotFound
	}
	return refuse(code, "no %s %s", kind, guid)
}

// HcnOpen makes a handle on an object.
func (c *Client) HcnOpen(kind Kind, h Handle, guid string) error {
	return c.make("HcnOpen"+string(kind), strings.ToUpper(guid), h, func() (any, error) {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		o := c.svc.find(kind, guid)
		if o == nil {
			return nil, missing(kind, guid)
		}
		return &objectRef{o}, nil
	})
}

// HcnClose closes a handle.
func (c *Client) HcnClose(kind Kind, h Handle) error {
	return c.do("HcnClose"+string(kind), c.NameOf(h), func() error {
		if _, err := c.object(kind, h); err != nil && hcs.CodeOf(err) == hcs.ErrInvalidHandle {
			return err
		}
		return closeHandle[*objectRef](c, h)
	})
}

// object is what a handle of this kind names; a deleted one is an error.
func (c *Client) object(kind Kind, h Handle) (*object, error) {
	r, err := use[*objectRef](c, h)
	if err != nil {
		return nil, err
	}
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	switch {
	case r.o.kind != kind:
		return nil, refuse(hcs.ErrInvalidHandle, "handle %d is a %s", h, r.o.kind)
	case r.o.deleted:
		return nil, missing(kind, r.o.id)
	}
	return r.o, nil
}

// HcnDelete removes an object. A network with endpoints, and a namespace that a running system is in, are in use (assumed); the
// endpoints of a deleted namespace are detached.
func (c *Client) HcnDelete(kind Kind, guid string) error {
	return c.do("HcnDelete"+string(kind), strings.ToUpper(guid), func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		return c.svc.remove(kind, guid)
	})
}

// remove deletes an object. The caller holds mu.
func (s *Service) remove(kind Kind, guid string) error {
	o := s.find(kind, guid)
	if o == nil {
		return missing(kind, guid)
	}
	if kind == Namespace {
		if in := s.inside(o); len(in) > 0 {
			return refuse(hcs.ErrSharingViolation, "namespace %s is in use by %s", o.id, in[0].id)
		}
	}
	for _, e := range s.list(Endpoint) {
		if e.network == o {
			return refuse(hcs.ErrSharingViolation, "network %s has endpoint %s", o.id, e.id)
		}
		if e.namespace == o {
			e.namespace = nil
		}
	}
	if kind == Endpoint {
		o.unpublish()
		o.network.free(o)
	}
	o.deleted = true
	delete(s.objects, objectKey{kind, o.id})
	return nil
}

// list is all objects of a kind in the order of their ids. The caller holds mu.
func (s *Service) list(kind Kind) []*object {
	var list []*object
	for _, o := range s.objects {
		if o.kind == kind {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *object) int { return cmp.Compare(a.id, b.id) })
	return list
}
