package sim

import (
	"encoding/json"
	"net/netip"

	"containerd-shim-hcs/hcs"
)

// assign gives a new endpoint that asks for no address one of its network's subnet, as HNS does for a NAT network (Microsoft's
// documentation of Windows container network drivers, IPAM: "dynamic IP allocation and assignment by HNS from internal NAT subnet
// prefix"). A network without a subnet has none to give. That it is the lowest free one is assumed, and that the first of the subnet is
// the gateway's. The caller holds mu.
func (s *Service) assign(fields map[string]json.RawMessage, network *object) error {
	var asked []json.RawMessage
	if m := fields["IpConfigurations"]; present(m) {
		if err := json.Unmarshal(m, &asked); err != nil {
			return refuse(hcs.ErrHCNInvalidJSON, "IpConfigurations: %v", err)
		}
	}
	if len(asked) > 0 {
		return nil
	}
	var ipams []ipam
	part(network, "Ipams", &ipams)
	taken := map[netip.Addr]bool{}
	for _, e := range s.list(Endpoint) {
		var ips []ipConfiguration
		if e.network == network {
			part(e, "IpConfigurations", &ips)
		}
		for _, ip := range ips {
			if a, err := netip.ParseAddr(ip.IPAddress); err == nil {
				taken[a] = true
			}
		}
	}
	none := true
	for _, i := range ipams {
		for _, sn := range i.Subnets {
			p, err := netip.ParsePrefix(sn.IPAddressPrefix)
			if err != nil {
				return refuse(hcs.ErrInvalidArgument, "network %s has subnet %q", network.id, sn.IPAddressPrefix)
			}
			none = false
			// Past the subnet's own address and the gateway's, and short of the broadcast address.
			for a := p.Masked().Addr().Next().Next(); p.Contains(a.Next()); a = a.Next() {
				if !taken[a] {
					fields["IpConfigurations"] = json.RawMessage(text([]ipConfiguration{{a.String(), uint8(p.Bits())}})) //nolint:gosec // at most 128
					return nil
				}
			}
		}
	}
	if none {
		return nil
	}
	return refuse(hcs.ErrNotReady, "network %s has no free address", network.id) // the code is assumed
}
