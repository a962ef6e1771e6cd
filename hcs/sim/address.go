package sim

import (
	"encoding/json"
	"net/netip"
	"slices"

	"containerd-shim-hcs/hcs"
)

// assign gives a new endpoint that asks for no address one of its network's subnets, as HNS does for a NAT network (Microsoft's
// documentation of Windows container network drivers, IPAM: "dynamic IP allocation and assignment by HNS from internal NAT subnet
// prefix"). A network without a subnet has none to give. That the first of the subnet is the gateway's is assumed, and the order: the
// lowest one that was not given yet, then the one that was freed before the others, so that what is late for an endpoint that is gone does
// not reach another. The caller holds mu.
func (s *Service) assign(fields map[string]json.RawMessage, network *object) error {
	var asked []ipConfiguration
	if m := fields["IpConfigurations"]; present(m) {
		if err := json.Unmarshal(m, &asked); err != nil {
			return refuse(hcs.ErrHCNInvalidJSON, "IpConfigurations: %v", err)
		}
	}
	if len(asked) > 0 {
		return nil
	}
	subnets, err := subnetsOf(network)
	if err != nil || len(subnets) == 0 {
		return err
	}
	taken := s.taken(network)
	for _, p := range subnets {
		// Past the subnet's own address and the gateway's, and short of the broadcast address.
		for a := p.Masked().Addr().Next().Next(); p.Contains(a.Next()); a = a.Next() {
			if !taken[a] && !slices.Contains(network.freed, a) {
				return give(fields, a, p)
			}
		}
	}
	for i, a := range network.freed {
		for _, p := range subnets {
			if p.Contains(a) && !taken[a] {
				network.freed = slices.Delete(network.freed, i, i+1)
				return give(fields, a, p)
			}
		}
	}
	return refuse(hcs.ErrNotReady, "network %s has no free address", network.id) // the code is assumed
}

func give(fields map[string]json.RawMessage, a netip.Addr, p netip.Prefix) error {
	fields["IpConfigurations"] = json.RawMessage(text([]ipConfiguration{{a.String(), uint8(p.Bits())}})) //nolint:gosec // at most 128
	return nil
}

// subnetsOf are the prefixes that a network may give addresses of.
func subnetsOf(network *object) ([]netip.Prefix, error) {
	var ipams []ipam
	part(network, "Ipams", &ipams)
	var list []netip.Prefix
	for _, i := range ipams {
		for _, sn := range i.Subnets {
			p, err := netip.ParsePrefix(sn.IPAddressPrefix)
			if err != nil {
				return nil, refuse(hcs.ErrInvalidArgument, "network %s has subnet %q", network.id, sn.IPAddressPrefix)
			}
			list = append(list, p)
		}
	}
	return list, nil
}

// taken are the addresses of a network's endpoints. The caller holds mu.
func (s *Service) taken(network *object) map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	for _, e := range s.list(Endpoint) {
		if e.network == network {
			for _, a := range addressesOf(e) {
				taken[a] = true
			}
		}
	}
	return taken
}

// addressesOf are those of an endpoint that can be read.
func addressesOf(e *object) []netip.Addr {
	var ips []ipConfiguration
	part(e, "IpConfigurations", &ips)
	var list []netip.Addr
	for _, ip := range ips {
		if a, err := netip.ParseAddr(ip.IPAddress); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// free remembers the addresses of an endpoint that goes, the oldest first.
func (o *object) free(e *object) {
	for _, a := range addressesOf(e) {
		o.freed = append(slices.DeleteFunc(o.freed, func(f netip.Addr) bool { return f == a }), a)
	}
}

// addressOf is the address that the processes of a system have: that of an endpoint in its namespace, or else of one that its document
// names as an adapter. Without one the system has no network of its own. The caller holds mu.
func (s *Service) addressOf(sys *system) netip.Addr {
	for _, e := range s.endpointsOf(sys) {
		if list := addressesOf(e); len(list) > 0 {
			return list[0]
		}
	}
	return netip.Addr{}
}

// endpointsOf are those that a system uses. The caller holds mu.
func (s *Service) endpointsOf(sys *system) []*object {
	var list []*object
	if sys.namespace != nil {
		for _, e := range s.list(Endpoint) {
			if e.namespace == sys.namespace {
				list = append(list, e)
			}
		}
	}
	if n := sys.doc.Container.Networking; n != nil {
		for _, id := range n.NetworkAdapters {
			if e := s.find(Endpoint, id); e != nil && !slices.Contains(list, e) {
				list = append(list, e)
			}
		}
	}
	return list
}
