package sim_test

import (
	"net/netip"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
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

// What is late for an endpoint that is gone must not reach a new one.
func TestFreedAddressesComeLast(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		network := n.svc.AddNetwork("nat", netip.MustParsePrefix("127.64.16.0/29")) // .2 to .6
		n.must(n.client.HcnOpen(sim.Network, 1, network))
		next := sim.Handle(2)
		add := func() (id, address string) {
			n.Helper()
			doc := n.endpoint(next, 1, `{}`)
			next++
			_, id, _ = strings.Cut(doc, `"ID":"`)
			_, address, _ = strings.Cut(doc, `"IpAddress":"`)
			address, _, _ = strings.Cut(address, `"`)
			return id[:len(zero)], strings.TrimPrefix(address, "127.64.16.")
		}
		var got []string
		var ids []string
		step := func(remove int) {
			n.Helper()
			if remove >= 0 {
				n.must(n.client.HcnDelete(sim.Endpoint, ids[remove]))
				return
			}
			id, a := add()
			ids, got = append(ids, id), append(got, a)
		}
		// 2 and 3 are given; 3 goes, then 2; the fresh ones come first, then 3, then 2.
		for _, r := range []int{-1, -1, 1, 0, -1, -1, -1, -1, -1} {
			step(r)
		}
		if s := strings.Join(got, " "); s != "2 3 4 5 6 3 2" {
			t.Errorf("addresses %s", s)
		}
		n.is(n.client.HcnCreate(sim.Endpoint, next, 1, zero, `{}`), hcs.ErrNotReady)
	})
}

// addressed is a launcher that remembers what it was told.
type addressed struct {
	sim.Launcher
	seen map[string]sim.Container
}

func (l addressed) Open(c sim.Container) (sim.Group, error) {
	l.seen[c.ID] = c
	return l.Launcher.Open(c)
}

// A launcher is told the address of the container's endpoint, which a kubelet finds by the container's id.
func TestContainersHaveTheirEndpointsAddress(t *testing.T) {
	l := addressed{sim.NewScripts(), map[string]sim.Container{}}
	inNode(t, sim.Config{Launcher: l}, func(n *node) {
		network := n.svc.AddNetwork("nat", netip.MustParsePrefix("127.64.16.0/24"))
		namespace := n.svc.AddNamespace("D2348BFA-8458-48A8-BB99-0A7000C73DB3")
		joined, adapter := n.svc.AddEndpoint(network, "joined"), n.svc.AddEndpoint(network, "adapter")
		n.must(n.m.Network.AddEndpoint(n.ctx, namespace, joined))
		volume := n.mount()
		var before hcs.System
		for i, c := range []struct {
			id      string
			network *schema.Networking
			want    string
		}{
			{"alone", nil, "invalid IP"},
			{"pod", &schema.Networking{Namespace: namespace}, "127.64.16.2"},
			{"docker", &schema.Networking{NetworkAdapters: []string{strings.ToLower(adapter)}}, "127.64.16.3"},
		} {
			if i > 0 { // they have one scratch
				n.must(before.Terminate(n.ctx))
				<-before.Exited()
				n.must(before.Close())
			}
			doc := document(volume)
			doc.Container.Networking = c.network
			s, err := n.m.Compute.Create(n.ctx, c.id, doc)
			n.must(err)
			list, err := n.client.HNSCall("GET", "/endpoints/", "")
			n.must(err)
			if strings.Contains(list, "SharedContainers") {
				t.Errorf("%s is not running yet: %s", c.id, list)
			}
			n.must(s.Start(n.ctx))
			if got := l.seen[c.id].Address.String(); got != c.want {
				t.Errorf("%s has address %s, want %s", c.id, got, c.want)
			}
			list, err = n.client.HNSCall("GET", "/endpoints/", "")
			n.must(err)
			if shared := strings.Contains(list, `"SharedContainers":["`+c.id+`"]`); shared != (c.network != nil) {
				t.Errorf("%s shares an endpoint: %t; %s", c.id, shared, list)
			}
			before = s
		}
	})
}

// The kubelet's network statistics come from HNS's lists, which are arrays also when there is nothing (its provider for Windows: for each
// endpoint, the endpoint's counters under each of SharedContainers).
func TestHNSListsAreArrays(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		for _, path := range []string{"/endpoints/", "/networks/", "/namespaces/", "/policylists/", "/endpoints", "networks"} {
			answer, err := n.client.HNSCall("GET", path, "")
			n.must(err)
			if answer != `{"Success":true,"Output":[]}` {
				t.Errorf("%s: %s", path, answer)
			}
		}
		network := n.svc.AddNetwork("nat", netip.MustParsePrefix("127.64.16.0/24"))
		e := n.svc.AddEndpoint(network, "pod_eth0")
		namespace := n.svc.AddNamespace("D2348BFA-8458-48A8-BB99-0A7000C73DB3")
		n.must(n.m.Network.AddEndpoint(n.ctx, namespace, e))
		n.svc.AddTraffic(hcs.Traffic{Endpoint: e, BytesReceived: 7, PacketsSent: 3, DroppedOutgoing: 1})
		for path, wants := range map[string][]string{
			"/endpoints/": {`[{"ID":"` + e + `","Name":"pod_eth0"`, `"VirtualNetworkName":"nat"`, `"IPAddress":"127.64.16.2","PrefixLength":24`,
				`"Namespace":{"ID":"` + namespace + `"}`},
			"/networks/":          {`[{"ID":"` + network + `","Name":"nat"`, `"AddressPrefix":"127.64.16.0/24"`},
			"/namespaces/":        {`"ResourceList":[{"Type":"Endpoint","Data":{"Id":"` + e + `"}}]`},
			"/endpointstats/" + e: {`"BytesReceived":7`, `"BytesSent":0`, `"PacketsSent":3`, `"DroppedPacketsOutgoing":1`, `"InstanceId":"` + e},
		} {
			answer, err := n.client.HNSCall("GET", path, "")
			n.must(err)
			for _, w := range wants {
				if !strings.Contains(answer, w) {
					t.Errorf("%s lacks %s: %s", path, w, answer)
				}
			}
		}
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
