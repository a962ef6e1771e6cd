package sim

import (
	"encoding/json"
	"net/netip"

	"containerd-shim-hcs/hcs"
)

// AddNetwork makes a network as an administrator did before any client came, with these subnets, whose first address is the gateway's.
// It returns its id. A name that is taken makes another network of that name, as HCN allows.
func (s *Service) AddNetwork(name string, subnets ...netip.Prefix) string {
	fields := map[string]json.RawMessage{"Name": json.RawMessage(text(name)), "Type": json.RawMessage(`"NAT"`)}
	var list []hnsSubnet
	for _, p := range subnets {
		list = append(list, hnsSubnet{AddressPrefix: p.String(), GatewayAddress: p.Masked().Addr().Next().String()})
	}
	if len(list) > 0 {
		fields["Ipams"] = json.RawMessage(text(ipamsOf(list)))
	}
	return s.setUp(Network, nil, zeroGUID, fields)
}

// AddEndpoint makes an endpoint in a network, as a CNI plugin does. It returns its id, empty when there is no such network.
func (s *Service) AddEndpoint(network, name string) string {
	s.mu.Lock()
	n := s.find(Network, network)
	s.mu.Unlock()
	return s.setUp(Endpoint, n, zeroGUID, map[string]json.RawMessage{"Name": json.RawMessage(text(name))})
}

// AddTraffic sets what passed through an endpoint. It reports whether there is such an endpoint.
func (s *Service) AddTraffic(t hcs.Traffic) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(Endpoint, t.Endpoint)
	if e != nil {
		e.traffic = t
	}
	return e != nil
}

// AddNamespace makes a namespace with this id, as containerd does for a pod; it returns the id, empty when it was taken.
func (s *Service) AddNamespace(id string) string {
	return s.setUp(Namespace, nil, id, map[string]json.RawMessage{})
}

// setUp makes an object that belongs to no client, so that Held does not count it.
func (s *Service) setUp(kind Kind, network *object, id string, fields map[string]json.RawMessage) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.create(kind, network, id, fields, "")
	if err != nil {
		return ""
	}
	return o.id
}
