package sim

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"containerd-shim-hcs/hcs"
)

// HNS's policies are flat ({"Type":"QOS","MaximumOutgoingBandwidthInBytes":1}), HCN's have their members in Settings; some names differ
// (the public clients' types of both).

const (
	natType      = "NAT" // in HCN: portMappingType
	outboundType = "OutBoundNAT"
)

// outboundMembers are the names that HCN has for members of an OutBoundNAT policy.
var outboundMembers = map[string]string{"VIP": "VirtualIP", "ExceptionList": "Exceptions"}

// natPolicy is the older form of a port mapping. That the port was reserved by the client is nothing to the model.
type natPolicy struct {
	Type                 string
	Protocol             string `json:",omitempty"`
	InternalPort         uint16 `json:",omitempty"`
	ExternalPort         uint16 `json:",omitempty"`
	ExternalPortReserved bool   `json:",omitempty"`
}

var protocols = map[string]uint32{"TCP": protocolTCP, "UDP": protocolUDP}

// toHCN translates policies.
func toHCN(list []json.RawMessage) ([]json.RawMessage, error) {
	var out []json.RawMessage
	for _, raw := range list {
		members, _, err := membersOf(raw, "Policies.")
		if err != nil {
			return nil, err
		}
		kind := rawString(members["Type"])
		if kind == "" {
			return nil, refuse(hcs.ErrHCNInvalidPolicy, "a policy without Type")
		}
		var settings any
		if kind == natType {
			var n natPolicy
			if err := decode(string(raw), &n); err != nil {
				return nil, err
			}
			// A protocol that is not known is refused with the mapping. Docker sends its name in lower case.
			settings = portMapping{Protocol: protocols[strings.ToUpper(n.Protocol)], InternalPort: n.InternalPort, ExternalPort: n.ExternalPort}
			kind = portMappingType
		} else {
			delete(members, "Type")
			settings = renamed(members, kind, outboundMembers)
		}
		out = append(out, json.RawMessage(text(policy{kind, json.RawMessage(text(settings))})))
	}
	return out, nil
}

// toHNS translates policies back. One that HNS cannot show is left out.
func toHNS(list []json.RawMessage) []json.RawMessage {
	var out []json.RawMessage
	for _, raw := range list {
		var p policy
		if json.Unmarshal(raw, &p) != nil {
			continue
		}
		if p.Type == portMappingType {
			var m portMapping
			if json.Unmarshal(p.Settings, &m) != nil {
				continue
			}
			name := strconv.Itoa(int(m.Protocol))
			for n, number := range protocols {
				if number == m.Protocol {
					name = n
				}
			}
			out = append(out, json.RawMessage(text(natPolicy{natType, name, m.InternalPort, m.ExternalPort, true})))
			continue
		}
		members := map[string]json.RawMessage{}
		if present(p.Settings) && json.Unmarshal(p.Settings, &members) != nil {
			continue
		}
		older := map[string]string{}
		for a, b := range outboundMembers {
			older[b] = a
		}
		members = renamed(members, p.Type, older)
		members["Type"] = json.RawMessage(text(p.Type))
		out = append(out, json.RawMessage(text(members)))
	}
	return out
}

// renamed gives the members of an OutBoundNAT policy their other names.
func renamed(members map[string]json.RawMessage, kind string, names map[string]string) map[string]json.RawMessage {
	out := maps.Clone(members)
	if !strings.EqualFold(kind, outboundType) {
		return out
	}
	for from, to := range names {
		if m, ok := out[from]; ok {
			out[to] = m
			delete(out, from)
		}
	}
	return out
}
