package sim

import (
	"encoding/json"
	"net/netip"
	"slices"

	"containerd-shim-hcs/hcs"
)

// Forwarder gives ports of the host to endpoints, as WinNAT does for HNS.
type Forwarder interface {
	// Forward makes what comes to a port of the host reach an address, until end is called. It returns the port, and an error when that is
	// taken by another program. Both are called under the service's lock: they must not wait for what passes.
	Forward(f Forwarding) (port uint16, end func(), err error)
}

// Forwarding is what a Forwarder is asked for.
type Forwarding struct {
	UDP  bool
	Port uint16 // of the host; 0: any that is free
	To   netip.AddrPort
	// Passed tells what has passed, in bytes from the view of the endpoint.
	Passed func(received, sent int)
}

// bookings is a Forwarder through which nothing passes.
type bookings struct{}

// firstDynamic is the first port that Windows gives to who asks for any (netsh int ipv4 show dynamicport tcp).
const firstDynamic = 49152

func (bookings) Forward(f Forwarding) (uint16, func(), error) {
	if f.Port == 0 { // the address makes it another one for each endpoint
		a := f.To.Addr().As16()
		f.Port = firstDynamic + uint16(a[14])<<8%0x3f00 + uint16(a[15])
	}
	return f.Port, func() {}, nil
}

// portMapping is the Settings of a policy of that type, the public clients' PortMappingPolicySetting.
type portMapping struct {
	Protocol     uint32 `json:",omitempty"`
	InternalPort uint16 `json:",omitempty"`
	ExternalPort uint16 `json:",omitempty"`
	VIP          string `json:",omitempty"`
	Flags        uint32 `json:",omitempty"`
}

const (
	protocolTCP = 6
	protocolUDP = 17
)

// policy is an entry of an object's Policies.
type policy struct {
	Type     string
	Settings json.RawMessage `json:",omitempty"`
}

const portMappingType = "PortMapping"

// publishing is a mapping of an endpoint's that is in force.
type publishing struct {
	portMapping
	end func()
}

// policiesOf is an object's Policies. Those that cannot be read as a list are none.
func policiesOf(o *object) []json.RawMessage {
	var list []json.RawMessage
	part(o, "Policies", &list)
	return list
}

// publish makes policies those of an object: of an endpoint, its port mappings come into force and those it had before end. On error
// nothing has changed. A port that is 0 is chosen, and then named in the policy; that clients other than HNS's may leave it to the
// service is assumed. The caller holds mu.
func (s *Service) publish(o *object, policies []json.RawMessage) error {
	var now []publishing
	undo := func() {
		for _, p := range now {
			if !slices.ContainsFunc(o.published, p.same) {
				p.end()
			}
		}
	}
	for i, raw := range policies {
		var p policy
		var m portMapping
		if o.kind != Endpoint || json.Unmarshal(raw, &p) != nil || p.Type != portMappingType {
			continue
		}
		err := decode(string(p.Settings), &m)
		if err == nil {
			var in publishing
			if in, err = s.inForce(o, m, now); err == nil {
				now = append(now, in)
				policies[i] = json.RawMessage(text(policy{portMappingType, json.RawMessage(text(in.portMapping))}))
			}
		}
		if err != nil {
			undo()
			return err
		}
	}
	for _, p := range o.published {
		if !slices.ContainsFunc(now, p.same) {
			p.end()
		}
	}
	o.published = now
	if policies != nil {
		o.doc["Policies"] = json.RawMessage(text(policies))
	}
	return nil
}

func (p publishing) same(q publishing) bool { return p.portMapping == q.portMapping }

// inForce is a mapping that the endpoint has already, or else that is begun.
func (s *Service) inForce(e *object, m portMapping, beside []publishing) (publishing, error) {
	if m.Protocol != protocolTCP && m.Protocol != protocolUDP || m.InternalPort == 0 {
		return publishing{}, refuse(hcs.ErrHCNInvalidPolicy, "a port mapping of protocol %d to port %d", m.Protocol, m.InternalPort)
	}
	for _, p := range e.published {
		if p.portMapping == m {
			return p, nil
		}
	}
	for _, other := range append(s.list(Endpoint), &object{published: beside}) {
		for _, p := range other.published {
			if p.Protocol == m.Protocol && p.ExternalPort == m.ExternalPort {
				return publishing{}, refuse(hcs.ErrHCNPortExists, "port %d is endpoint %s's", m.ExternalPort, other.id)
			}
		}
	}
	list := addressesOf(e)
	if len(list) == 0 {
		return publishing{}, refuse(hcs.ErrHCNInvalidPolicy, "a port mapping of endpoint %s, which has no address", e.id)
	}
	port, end, err := s.forwarder.Forward(Forwarding{
		UDP: m.Protocol == protocolUDP, Port: m.ExternalPort, To: netip.AddrPortFrom(list[0], m.InternalPort),
		Passed: func(received, sent int) { s.passed(e, received, sent) },
	})
	if err != nil {
		return publishing{}, refuse(hcs.ErrHCNPortExists, "port %d: %v", m.ExternalPort, err)
	}
	m.ExternalPort = port
	return publishing{m, end}, nil
}

// passed counts what went through an endpoint. How many packets it was is not known: each piece is one.
func (s *Service) passed(e *object, received, sent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &e.traffic
	if received > 0 {
		t.BytesReceived += uint64(received)
		t.PacketsReceived++
	}
	if sent > 0 {
		t.BytesSent += uint64(sent)
		t.PacketsSent++
	}
}

// unpublish ends an endpoint's mappings. The caller holds mu.
func (o *object) unpublish() {
	for _, p := range o.published {
		p.end()
	}
	o.published = nil
}
