package sim

import (
	"encoding/json"
	"slices"
	"strings"
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

// fill writes the endpoint as HCN members.
func (e *hnsEndpoint) fill(fields map[string]json.RawMessage) {
	setString(fields, "Name", e.Name)
	setString(fields, "MacAddress", e.MacAddress)
	if e.IPAddress != "" {
		fields["IpConfigurations"] = json.RawMessage(text([]ipConfiguration{{e.IPAddress, e.PrefixLength}}))
	}
	if e.GatewayAddress != "" {
		fields["Routes"] = json.RawMessage(text([]route{{e.GatewayAddress, "0.0.0.0/0"}}))
	}
	if e.DNSSuffix != "" || e.DNSServerList != "" {
		d := dns{Domain: e.DNSSuffix}
		if e.DNSServerList != "" {
			d.ServerList = splitList(e.DNSServerList)
		}
		fields["Dns"] = json.RawMessage(text(d))
	}
	if len(e.Policies) > 0 {
		fields["Policies"] = json.RawMessage(text(e.Policies))
	}
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
		part(o, "Policies", &n.Policies)
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
		part(o, "Policies", &e.Policies)
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
