package sim_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs/sim"
)

// hns makes calls of HNS.
type hns struct{ *node }

// call returns the answer's output; the call must succeed.
func (h hns) call(method, path string, body any) map[string]any {
	h.Helper()
	out, errorText := h.try(method, path, body)
	if errorText != "" {
		h.Fatalf("%s %s: %s", method, path, errorText)
	}
	return out
}

func (h hns) try(method, path string, body any) (output map[string]any, errorText string) {
	h.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		h.must(err)
		text = string(b)
	}
	answer, err := h.client.HNSCall(method, path, text)
	h.must(err)
	var a struct {
		Success bool
		Error   string
		Output  map[string]any
	}
	h.must(json.Unmarshal([]byte(answer), &a))
	if a.Success == (a.Error != "") {
		h.Fatalf("%s %s: %s", method, path, answer)
	}
	return a.Output, a.Error
}

type object = map[string]any

// forwards is a Forwarder that keeps a list.
type forwards struct {
	open []string
	last sim.Forwarding
}

func (f *forwards) Forward(r sim.Forwarding) (uint16, func(), error) {
	if r.Port == 666 {
		return 0, nil, fmt.Errorf("another program's")
	}
	if r.Port == 0 {
		r.Port = 50000
	}
	name := fmt.Sprintf("%d %t %s", r.Port, r.UDP, r.To)
	f.open, f.last = append(f.open, name), r
	return r.Port, func() { f.open = slices.DeleteFunc(f.open, func(s string) bool { return s == name }) }, nil
}

// TestHNSNetworks: those that Docker makes, with and without a subnet of the user's.
func TestHNSNetworks(t *testing.T) {
	inNode(t, sim.Config{NAT: netip.MustParsePrefix("127.64.8.0/22")}, func(n *node) {
		h := hns{n}
		n.svc.AddNetwork("nat", netip.MustParsePrefix("127.64.0.0/21"))
		n.svc.AddNetwork("near", netip.MustParsePrefix("127.64.9.128/25"))
		docker := func(prefix string) object {
			return object{"Name": "web", "Type": "nat", "Subnets": []object{{"AddressPrefix": prefix}}, "DNSSuffix": "lan", "DNSServerList": "1.1.1.1,8.8.8.8"}
		}
		for _, c := range []struct {
			ask  object
			want string
		}{
			{docker("0.0.0.0/0"), "127.64.8.0/24 127.64.8.1"},
			{object{"Name": "bare", "Type": "NAT"}, "127.64.10.0/24 127.64.10.1"}, // .9 is taken in part
			{docker("10.9.0.0/16"), "10.9.0.0/16 10.9.0.1"},
			{object{"Type": "nat", "Subnets": []object{{"AddressPrefix": "10.8.0.0/16", "GatewayAddress": "10.8.7.7"}}}, "10.8.0.0/16 10.8.7.7"},
		} {
			made := h.call("POST", "/networks/", c.ask)
			subnet := made["Subnets"].([]any)[0].(object)
			if got := fmt.Sprint(subnet["AddressPrefix"], " ", subnet["GatewayAddress"]); got != c.want {
				t.Errorf("%v: %s, want %s", c.ask, got, c.want)
			}
			if again := h.call("GET", "/networks/"+made["ID"].(string), nil); fmt.Sprint(again) != fmt.Sprint(made) {
				t.Errorf("made %v, found %v", made, again)
			}
			if c.ask["DNSSuffix"] != nil && (made["DNSSuffix"] != "lan" || made["DNSServerList"] != "1.1.1.1,8.8.8.8") {
				t.Errorf("names are asked of %v", made)
			}
		}
		h.call("POST", "/networks/", docker("")) // the last /24
		for _, bad := range []object{docker(""), docker("10.0.0.0"), {"Type": "nat", "Colour": "red"}, {"Type": "nat", "Policies": []object{{"VLAN": 2}}}} {
			if _, errorText := h.try("POST", "/networks/", bad); errorText == "" {
				t.Errorf("%v was made", bad)
			}
		}
	})
}

// TestHNSEndpoints: those that Docker makes, and what a client of HCN sees of them.
func TestHNSEndpoints(t *testing.T) {
	f := &forwards{}
	inNode(t, sim.Config{Forwarder: f}, func(n *node) {
		h := hns{n}
		network := n.svc.AddNetwork("nat", netip.MustParsePrefix("10.0.0.0/24"))
		nat := func(external int) object {
			return object{"Type": "NAT", "ExternalPort": external, "InternalPort": 80, "Protocol": "tcp", "ExternalPortReserved": true}
		}
		ask := func(policies ...object) object {
			return object{"VirtualNetwork": network, "EnableInternalDNS": true, "Policies": policies}
		}
		qos := object{"Type": "QOS", "MaximumOutgoingBandwidthInBytes": 5}
		out := object{"Type": "OutBoundNAT", "VIP": "10.0.0.9", "ExceptionList": []string{"10.1.0.0/16"}}
		first := h.call("POST", "/endpoints/", ask(nat(8080), qos, out, nat(0)))
		if _, err := net.ParseMAC(first["MacAddress"].(string)); err != nil {
			t.Error(err)
		}
		for name, want := range map[string]any{
			"IPAddress": "10.0.0.2", "PrefixLength": 24, "GatewayAddress": "10.0.0.1", "DNSServerList": "10.0.0.1", "EnableInternalDNS": true,
			"Policies": []any{
				object{"Type": "NAT", "ExternalPort": 8080, "InternalPort": 80, "Protocol": "TCP", "ExternalPortReserved": true}, qos, out,
				object{"Type": "NAT", "ExternalPort": 50000, "InternalPort": 80, "Protocol": "TCP", "ExternalPortReserved": true},
			},
		} {
			if got := fmt.Sprint(first[name]); got != fmt.Sprint(want) {
				t.Errorf("%s is %s, want %v", name, got, want)
			}
		}
		id := first["ID"].(string)
		n.must(n.client.HcnOpen(sim.Endpoint, 100, id))
		doc, err := n.client.HcnQuery(sim.Endpoint, 100, "")
		n.must(err)
		const mapping = `{"Type":"PortMapping","Settings":{"Protocol":6,"InternalPort":80,"ExternalPort":8080}}`
		for _, want := range []string{
			mapping, `{"Type":"QOS","Settings":{"MaximumOutgoingBandwidthInBytes":5}}`,
			`{"Type":"OutBoundNAT","Settings":{"Exceptions":["10.1.0.0/16"],"VirtualIP":"10.0.0.9"}}`,
		} {
			if !strings.Contains(doc, want) {
				t.Errorf("%s lacks %s", doc, want)
			}
		}
		opened := func(want ...string) {
			t.Helper()
			if !slices.Equal(f.open, want) {
				t.Errorf("forwarded %q, want %q", f.open, want)
			}
		}
		opened("8080 false 10.0.0.2:80", "50000 false 10.0.0.2:80")
		f.last.Passed(6, 0)
		f.last.Passed(0, 7)
		if s := h.call("GET", "/endpointstats/"+id, nil); s["BytesReceived"] != 6.0 || s["PacketsReceived"] != 1.0 || s["BytesSent"] != 7.0 {
			t.Errorf("statistics %v", s)
		}
		// What cannot be leaves nothing behind.
		for text, bad := range map[string]object{
			"port already exists": ask(nat(9090), nat(8080)), "another program": ask(nat(9090), nat(666)),
			"policy is invalid":   ask(nat(9090), object{"Type": "NAT", "Protocol": "icmp", "InternalPort": 80}),
			"The policy is inval": ask(object{"VLAN": 7}),
			"JSON document is":    ask(object{"Type": "NAT", "Protocol": "tcp", "InternalPort": "http"}),
			"not part of any":     {"VirtualNetwork": network, "IPAddress": "10.0.1.2"},
			"either invalid":      {"VirtualNetwork": network, "IPAddress": "here"},
			"Element not found.":  {"VirtualNetwork": zero},
		} {
			if _, errorText := h.try("POST", "/endpoints/", bad); !strings.Contains(errorText, text) && text != "another program" || errorText == "" {
				t.Errorf("%v: %q, want %s", bad, errorText, text)
			}
		}
		opened("8080 false 10.0.0.2:80", "50000 false 10.0.0.2:80")
		// By HCN: one mapping goes, another comes.
		change := func(how, policy string) {
			t.Helper()
			n.must(n.client.HcnModify(sim.Endpoint, 100, `{"ResourceType":"Policy","RequestType":"`+how+`","Settings":{"Policies":[`+policy+`]}}`))
		}
		change("Remove", mapping)
		opened("50000 false 10.0.0.2:80")
		change("Update", `{"Type":"PortMapping","Settings":{"Protocol":17,"InternalPort":53,"ExternalPort":5353}}`)
		opened("5353 true 10.0.0.2:53")
		second := h.call("POST", "/endpoints/", object{"VirtualNetwork": network, "IPAddress": "10.0.0.77", "DisableICC": true, "MacAddress": "00-15-5D-AA-BB-CC", "Policies": []object{nat(8080)}})
		if second["IPAddress"] != "10.0.0.77" || second["PrefixLength"] != 24.0 || second["DisableICC"] != true || second["MacAddress"] != "00-15-5D-AA-BB-CC" || second["EnableInternalDNS"] != nil {
			t.Errorf("made %v", second)
		}
		h.call("DELETE", "/endpoints/"+id, nil)
		opened("8080 false 10.0.0.77:80")
	})
	if len(f.open) > 0 {
		t.Errorf("forwarded after the service's end: %q", f.open)
	}
}

// TestHNSAttach: an endpoint is given to a container, that is to its namespace.
func TestHNSAttach(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		h := hns{n}
		e := n.svc.AddEndpoint(n.svc.AddNetwork("nat"), "ep")
		n.must(n.m.Network.CreateNamespace(n.ctx, space))
		doc := document(n.mount())
		doc.Container.Networking = networking(space)
		n.created("web", doc)
		to := object{"ContainerId": "web", "SystemType": "Container"}
		h.call("POST", "/endpoints/"+e+"/attach", to)
		if got := h.call("GET", "/endpoints/"+e, nil)["Namespace"]; fmt.Sprint(got) != fmt.Sprint(object{"ID": space}) {
			t.Errorf("it is in %v", got)
		}
		h.call("POST", "/endpoints/"+e+"/detach", to)
		if got := h.call("GET", "/endpoints/"+e, nil)["Namespace"]; got != nil {
			t.Errorf("it is in %v", got)
		}
		for _, bad := range []object{{"ContainerId": "none", "SystemType": "Container"}, {"SystemType": "Host"}, {"SystemType": "VirtualMachine", "VirtualNicName": "x"}} {
			if _, errorText := h.try("POST", "/endpoints/"+e+"/attach", bad); errorText == "" {
				t.Errorf("attached to %v", bad)
			}
		}
	})
}
