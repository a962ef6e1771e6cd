package sim

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
)

// The translation between HCN documents and HNS's older ones.

// ipam, subnet, route, ipConfiguration and dns are the parts of HCN documents that the older ones have too.
type ipam struct {
	Type    string
	Subnets []subnet
}

type subnet struct {
	IPAddressPrefix string  `json:"IpAddressPrefix"`
	Routes          []route `json:",omitempty"`
}

type route struct {
	NextHop           string
	DestinationPrefix string
}

type ipConfiguration struct {
	IPAddress    string `json:"IpAddress"`
	PrefixLength uint8
}

type dns struct {
	Domain     string   `json:",omitempty"`
	ServerList []string `json:",omitempty"`
}

func ipamsOf(subnets []hnsSubnet) []ipam {
	i := ipam{Type: "Static"}
	for _, sn := range subnets {
		out := subnet{IPAddressPrefix: sn.AddressPrefix}
		if sn.GatewayAddress != "" {
			out.Routes = []route{{NextHop: sn.GatewayAddress, DestinationPrefix: "0.0.0.0/0"}}
		}
		i.Subnets = append(i.Subnets, out)
	}
	return []ipam{i}
}

func fillDNS(fields map[string]json.RawMessage, suffix, servers string) {
	if suffix == "" && servers == "" {
		return
	}
	d := dns{Domain: suffix}
	if servers != "" {
		d.ServerList = splitList(servers)
	}
	fields["Dns"] = json.RawMessage(text(d))
}

func fillPolicies(fields map[string]json.RawMessage, policies []json.RawMessage) error {
	list, err := toHCN(policies)
	if err == nil && len(list) > 0 {
		fields["Policies"] = json.RawMessage(text(list))
	}
	return err
}

// check refuses an address that is not of the network's subnets, and fills what an endpoint has of its network.
func (e *hnsEndpoint) check(network *object) error {
	subnets, err := subnetsOf(network)
	if err != nil {
		return err
	}
	if e.IPAddress != "" {
		a, err := netip.ParseAddr(e.IPAddress)
		at := slices.IndexFunc(subnets, func(p netip.Prefix) bool { return p.Contains(a) })
		if err != nil || at < 0 {
			return refuse(hcs.ErrHCNInvalidIP, "IPAddress %q", e.IPAddress)
		}
		if e.PrefixLength == 0 {
			e.PrefixLength = uint8(subnets[at].Bits()) //nolint:gosec // at most 128
		}
	}
	if e.GatewayAddress == "" {
		e.GatewayAddress = gatewayOf(network)
	}
	if e.EnableInternalDNS && e.GatewayAddress != "" {
		e.DNSServerList = strings.TrimSuffix(e.GatewayAddress+","+e.DNSServerList, ",")
	}
	return nil
}

// disableICC is hcn.EndpointFlagsDisableICC.
const disableICC = 2

// fill writes the endpoint as HCN members.
func (e *hnsEndpoint) fill(fields map[string]json.RawMessage) error {
	setString(fields, "Name", e.Name)
	setString(fields, "MacAddress", e.MacAddress)
	if e.IPAddress != "" {
		fields["IpConfigurations"] = json.RawMessage(text([]ipConfiguration{{e.IPAddress, e.PrefixLength}}))
	}
	if e.GatewayAddress != "" {
		fields["Routes"] = json.RawMessage(text([]route{{e.GatewayAddress, "0.0.0.0/0"}}))
	}
	fillDNS(fields, e.DNSSuffix, e.DNSServerList)
	if e.DisableICC {
		fields["Flags"] = json.RawMessage(text(disableICC))
	}
	return fillPolicies(fields, e.Policies)
}

// hnsEndpointShown is an endpoint as it is answered, with what no client sets.
type hnsEndpointShown struct {
	hnsEndpoint
	VirtualNetworkName string `json:",omitempty"`
	// SharedContainers are the ids of the running systems that use it: by them a kubelet finds whose the statistics are.
	SharedContainers []string `json:",omitempty"`
}

// hnsDocument is an object as HNS shows it. The caller holds mu.
func (s *Service) hnsDocument(o *object) any {
	switch o.kind {
	case Namespace:
		type hnsResource struct {
			Type string
			Data struct {
				ID string `json:"Id"`
			}
		}
		list := []hnsResource{}
		for _, r := range s.resources(o) {
			h := hnsResource{Type: r.Type}
			h.Data.ID = r.Data.ID
			list = append(list, h)
		}
		return map[string]any{"ID": o.id, "ResourceList": list, "CompartmentId": o.number}
	case Network:
		n := hnsNetwork{ID: o.id, Name: rawString(o.doc["Name"]), Type: rawString(o.doc["Type"])}
		var ipams []ipam
		part(o, "Ipams", &ipams)
		for _, i := range ipams {
			for _, sn := range i.Subnets {
				out := hnsSubnet{AddressPrefix: sn.IPAddressPrefix}
				if len(sn.Routes) > 0 {
					out.GatewayAddress = sn.Routes[0].NextHop
				}
				n.Subnets = append(n.Subnets, out)
			}
		}
		var pool struct{ Ranges []hnsMacPool }
		part(o, "MacPool", &pool)
		var d dns
		part(o, "Dns", &d)
		n.MacPools, n.DNSSuffix, n.DNSServerList = pool.Ranges, d.Domain, joinList(d.ServerList)
		n.Policies = toHNS(policiesOf(o))
		return n
	case Endpoint:
		e := hnsEndpointShown{VirtualNetworkName: rawString(o.network.doc["Name"])}
		e.ID, e.Name, e.MacAddress, e.VirtualNetwork = o.id, rawString(o.doc["Name"]), rawString(o.doc["MacAddress"]), o.network.id
		var ips []ipConfiguration
		if part(o, "IpConfigurations", &ips); len(ips) > 0 {
			e.IPAddress, e.PrefixLength = ips[0].IPAddress, ips[0].PrefixLength
		}
		var routes []route
		if part(o, "Routes", &routes); len(routes) > 0 {
			e.GatewayAddress = routes[0].NextHop
		}
		var d dns
		part(o, "Dns", &d)
		e.DNSSuffix, e.DNSServerList = d.Domain, joinList(d.ServerList)
		var flags uint32
		part(o, "Flags", &flags)
		e.EnableInternalDNS, e.DisableICC, e.Policies = o.dns, flags&disableICC != 0, toHNS(policiesOf(o))
		if o.namespace != nil {
			e.Namespace = &resourceData{ID: o.namespace.id}
		}
		for _, sys := range s.systemList() {
			if sys.runs() && slices.Contains(s.endpointsOf(sys), o) {
				e.SharedContainers = append(e.SharedContainers, sys.id)
			}
		}
		return e
	default:
		return s.properties(o)
	}
}

// endpointStatistics is the answer to GET /endpointstats/<id>, by the public clients' type. Nothing passes through an endpoint of the
// model: the counts are what AddTraffic set, as a rule zero.
type endpointStatistics struct {
	BytesReceived          uint64
	BytesSent              uint64
	DroppedPacketsIncoming uint64
	DroppedPacketsOutgoing uint64
	EndpointID             string `json:"EndpointId"`
	InstanceID             string `json:"InstanceId"`
	PacketsReceived        uint64
	PacketsSent            uint64
}

// endpointStats is one endpoint's. The caller holds mu.
func (s *Service) endpointStats(id string) (any, error) {
	e := s.find(Endpoint, id)
	if e == nil {
		return nil, missing(Endpoint, id)
	}
	t := e.traffic
	return endpointStatistics{
		EndpointID: e.id, InstanceID: e.id, BytesReceived: t.BytesReceived, BytesSent: t.BytesSent, PacketsReceived: t.PacketsReceived,
		PacketsSent: t.PacketsSent, DroppedPacketsIncoming: t.DroppedIncoming, DroppedPacketsOutgoing: t.DroppedOutgoing,
	}, nil
}

// part decodes a member of an object's document. One of another shape is left out: HCN takes more forms than HNS can show.
func part(o *object, name string, into any) {
	if m := o.doc[name]; present(m) {
		_ = json.Unmarshal(m, into)
	}
}

func splitList(s string) []string { return strings.Split(s, ",") }

func joinList(l []string) string { return strings.Join(l, ",") }
