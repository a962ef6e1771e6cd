package sim

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
)

// anySubnet is what Docker asks for when its user names no subnet (libnetwork's windowsipam).
const anySubnet = "0.0.0.0/0"

// chooseSubnets gives a NAT network that is made without a subnet one that no other network has, and subnets without a gateway their
// first address (Microsoft's documentation of Windows container network drivers: HNS plumbs both). Which, and its size, is assumed. The
// caller holds mu.
func (s *Service) chooseSubnets(n *hnsNetwork) error {
	if strings.EqualFold(n.Type, natType) && len(n.Subnets) == 0 {
		n.Subnets = []hnsSubnet{{}}
	}
	for i := range n.Subnets {
		sn := &n.Subnets[i]
		if sn.AddressPrefix == "" || sn.AddressPrefix == anySubnet {
			sn.AddressPrefix = s.freeSubnet()
		}
		p, err := netip.ParsePrefix(sn.AddressPrefix)
		if err != nil {
			return refuse(hcs.ErrInvalidArgument, "Subnets: AddressPrefix %q", sn.AddressPrefix)
		}
		if sn.GatewayAddress == "" {
			sn.GatewayAddress = p.Masked().Addr().Next().String()
		}
	}
	return nil
}

// freeSubnet is a /24 that overlaps no network's.
func (s *Service) freeSubnet() string {
	var taken []netip.Prefix
	for _, n := range s.list(Network) {
		list, _ := subnetsOf(n)
		taken = append(taken, list...)
	}
	for p := netip.PrefixFrom(s.nat.Masked().Addr(), natBits); s.nat.Contains(p.Addr()); p = after(p) {
		if !slices.ContainsFunc(taken, p.Overlaps) {
			return p.String()
		}
	}
	return ""
}

const natBits = 24

// after is the next prefix of that size.
func after(p netip.Prefix) netip.Prefix {
	a := p.Addr().As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])+1<<(32-p.Bits()))
	return netip.PrefixFrom(netip.AddrFrom4(a), p.Bits())
}

// fill writes the network as HCN members.
func (n *hnsNetwork) fill(fields map[string]json.RawMessage) error {
	setString(fields, "Name", n.Name)
	setString(fields, "Type", n.Type)
	fillDNS(fields, n.DNSSuffix, n.DNSServerList)
	if len(n.MacPools) > 0 {
		fields["MacPool"] = json.RawMessage(text(map[string]any{"Ranges": n.MacPools}))
	}
	if len(n.Subnets) > 0 {
		fields["Ipams"] = json.RawMessage(text(ipamsOf(n.Subnets)))
	}
	return fillPolicies(fields, n.Policies)
}

// gatewayOf is a network's, empty when it has none.
func gatewayOf(network *object) string {
	var ipams []ipam
	part(network, "Ipams", &ipams)
	for _, i := range ipams {
		for _, sn := range i.Subnets {
			if len(sn.Routes) > 0 {
				return sn.Routes[0].NextHop
			}
		}
	}
	return ""
}
