package sim_test

import (
	"net/netip"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

// endpoint makes one and returns its document.
func (n *node) endpoint(h, network sim.Handle, settings string) string {
	n.Helper()
	n.must(n.client.HcnCreate(sim.Endpoint, h, network, zero, settings))
	doc, err := n.client.HcnQuery(sim.Endpoint, h, "")
	n.must(err)
	return doc
}

func TestEndpointsGetAddresses(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		id := n.svc.AddNetwork("nat", netip.MustParsePrefix("10.0.0.8/29")) // .8 and .15 are no hosts, .9 is the gateway
		n.must(n.client.HcnOpen(sim.Network, 1, id))
		holds := func(doc, address string) {
			n.Helper()
			if !strings.Contains(doc, `"IpConfigurations":[{"IpAddress":"`+address+`","PrefixLength":29}]`) {
				n.Errorf("%s has not the address %s", doc, address)
			}
		}
		holds(n.endpoint(2, 1, `{}`), "10.0.0.10")
		holds(n.endpoint(3, 1, `{"IpConfigurations":[{"IpAddress":"10.0.0.11","PrefixLength":29}]}`), "10.0.0.11")
		doc := n.endpoint(4, 1, `{"IpConfigurations":[]}`)
		holds(doc, "10.0.0.12")
		holds(n.endpoint(5, 1, `{}`), "10.0.0.13")
		holds(n.endpoint(6, 1, `{}`), "10.0.0.14")
		n.is(n.client.HcnCreate(sim.Endpoint, 7, 1, zero, `{}`), hcs.ErrNotReady)
		n.is(n.client.HcnCreate(sim.Endpoint, 9, 1, zero, `{"IpConfigurations":"10.0.0.10"}`), hcs.ErrHCNInvalidJSON)
		_, id, _ = strings.Cut(doc, `"ID":"`)
		n.must(n.client.HcnDelete(sim.Endpoint, id[:len(zero)]))
		holds(n.endpoint(8, 1, `{}`), "10.0.0.12")
	})
}

func TestEndpointStatistics(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		e := n.svc.AddEndpoint(n.svc.AddNetwork("nat"), "ep")
		answer, err := n.client.HNSCall("GET", "/endpointstats/"+strings.ToLower(e), "")
		n.must(err)
		if !strings.Contains(answer, `"Success":true`) || !strings.Contains(answer, `"BytesReceived":0`) || !strings.Contains(answer, `"EndpointId":"`+e) {
			t.Errorf("answer %s", answer)
		}
		answer, err = n.client.HNSCall("GET", "/endpointstats/"+zero, "")
		n.must(err)
		if !strings.Contains(answer, `"Success":false`) || !strings.Contains(answer, "Element not found.") {
			t.Errorf("answer for an unknown endpoint: %s", answer)
		}
	})
}
