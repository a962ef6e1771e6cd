package sim_test

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

const (
	zero  = "00000000-0000-0000-0000-000000000000"
	space = "D2348BFA-8458-48A8-BB99-0A7000C73DB3"
)

func TestNamespaces(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.is(n.m.Network.CreateNamespace(n.ctx, "net"), hcs.ErrInvalidArgument)
		n.must(n.m.Network.CreateNamespace(n.ctx, strings.ToLower(space)))
		n.is(n.m.Network.CreateNamespace(n.ctx, space), hcs.ErrAlreadyExists)
		n.must(n.m.Network.FindNamespace(n.ctx, space))
		if err := n.m.Network.FindNamespace(n.ctx, "11111111"+space[8:]); !errdefs.IsNotFound(err) {
			t.Error(err)
		}
		// All zero asks for an id; containerd sends version 0.0.
		n.must(c.HcnCreate(sim.Namespace, 100, 0, zero, `{"SchemaVersion":{"Major":0,"Minor":0}}`))
		doc, err := c.HcnQuery(sim.Namespace, 100, `{"SchemaVersion":{"Major":2,"Minor":0}}`)
		n.must(err)
		if strings.Contains(doc, zero) || !strings.Contains(doc, `"Type":"Host"`) || !strings.Contains(doc, `"Resources":[]`) || !strings.Contains(doc, `"NamespaceId":`) {
			t.Errorf("document %s", doc)
		}
		for query, want := range map[string]string{
			``: "2", `{"SchemaVersion":{"Major":2,"Minor":0},"Filter":"{\"ID\":\"d2348bfa-8458-48a8-bb99-0a7000c73db3\"}"}`: "1",
			`{"Filter":"{\"ID\":\"none\"}"}`: "0", `{"Filter":"{\"Type\":\"Host\"}","Flags":1}`: "2", `{"Filter":"{\"Type\":\"Guest\"}"}`: "0",
		} {
			ids, err := c.HcnEnumerate(sim.Namespace, query)
			n.must(err)
			if got := strings.Count(ids, `-`) / 4; string(rune('0'+got)) != want {
				t.Errorf("%s: %s, want %s", query, ids, want)
			}
		}
		_, err = c.HcnEnumerate(sim.Namespace, `{"Filtr":""}`)
		n.is(err, hcs.ErrHCNInvalidJSON)
		_, err = c.HcnEnumerate(sim.Namespace, `{"Filter":"ID"}`)
		n.is(err, hcs.ErrHCNInvalidJSON)
		n.must(n.m.Network.DeleteNamespace(n.ctx, space))
		n.is(n.m.Network.DeleteNamespace(n.ctx, space), hcs.ErrElementNotFound)
		n.is(c.HcnOpen(sim.Namespace, 101, space), hcs.ErrElementNotFound)
		n.is(c.HcnCreate(sim.Namespace, 102, 0, zero, `{"Typ":"Host"}`), hcs.ErrHCNInvalidJSON)
		n.is(c.HcnCreate(sim.Namespace, 103, 0, zero, `{"Type":"Moon"}`), hcs.ErrInvalidArgument)
		n.is(c.HcnCreate(sim.Namespace, 104, 0, space, `{"ID":"`+strings.Replace(space, "D", "E", 1)+`"}`), hcs.ErrInvalidArgument)
		n.is(c.HcnClose(sim.Network, 100), hcs.ErrInvalidHandle) // of another kind
		n.must(c.HcnClose(sim.Namespace, 100))
		n.is(c.HcnClose(sim.Namespace, 100), hcs.ErrInvalidHandle)
	})
}

func TestEndpoints(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c, net := n.client, n.m.Network
		network := n.svc.AddNetwork("nat")
		endpoint := n.svc.AddEndpoint(network, "ep")
		n.svc.AddNamespace(space)
		other := n.svc.AddNamespace(zero)
		if held := n.svc.Held(); len(held) > 0 {
			t.Errorf("what was set up counts as held: %q", held)
		}
		n.is(net.AddEndpoint(n.ctx, zero, endpoint), hcs.ErrElementNotFound)
		n.is(net.AddEndpoint(n.ctx, space, zero), hcs.ErrHCNEndpointNotFound)
		n.is(net.RemoveEndpoint(n.ctx, space, endpoint), hcs.ErrElementNotFound)
		n.must(net.AddEndpoint(n.ctx, space, strings.ToLower(endpoint)))
		n.is(net.AddEndpoint(n.ctx, space, endpoint), hcs.ErrHCNEndpointAttached)
		n.is(net.AddEndpoint(n.ctx, other, endpoint), hcs.ErrHCNNamespaceExists)
		if held := n.svc.Held(); len(held) != 1 || !strings.Contains(held[0], "attached") {
			t.Errorf("held: %q", held)
		}
		n.must(c.HcnOpen(sim.Namespace, 100, space))
		doc, err := c.HcnQuery(sim.Namespace, 100, "")
		n.must(err)
		if !strings.Contains(doc, `"Resources":[{"Type":"Endpoint","Data":{"ID":"`+endpoint+`"}}]`) {
			t.Errorf("namespace %s", doc)
		}
		for m, want := range map[string]hcs.Code{
			`{"ResourceType":"Endpoint","RequestType":"Polish","Settings":{"EndpointId":"` + endpoint + `"}}`: hcs.ErrInvalidArgument,
			`{"ResourceType":"Policy","RequestType":"Add","Settings":{}}`:                                     hcs.ErrNotSupported,
			`{"ResourceType":"Endpoint","RequestType":"Add","Settings":{"Id":"x"}}`:                           hcs.ErrHCNInvalidJSON,
			`{"Resource":"Endpoint"}`: hcs.ErrHCNInvalidJSON,
		} {
			if err := c.HcnModify(sim.Namespace, 100, m); hcs.CodeOf(err) != want {
				t.Errorf("%s: %v, want %v", m, err, want)
			}
		}
		n.must(c.HcnOpen(sim.Endpoint, 101, endpoint))
		n.must(c.HcnModify(sim.Endpoint, 101, `{"ResourceType":"Policy","RequestType":"Add","Settings":{"Policies":[{"Type":"ACL"},{"Type":"QOS"}]}}`))
		n.must(c.HcnModify(sim.Endpoint, 101, `{"ResourceType":"Policy","RequestType":"Remove","Settings":{"Policies":[{"Type":"ACL"}]}}`))
		doc, err = c.HcnQuery(sim.Endpoint, 101, "")
		n.must(err)
		for _, want := range []string{`"Policies":[{"Type":"QOS"}]`, `"HostComputeNamespace":"` + space, `"HostComputeNetwork":"` + network} {
			if !strings.Contains(doc, want) {
				t.Errorf("endpoint %s lacks %s", doc, want)
			}
		}
		n.is(c.HcnDelete(sim.Network, network), hcs.ErrSharingViolation)
		n.must(net.DeleteNamespace(n.ctx, space)) // detaches
		_, err = c.HcnQuery(sim.Namespace, 100, "")
		n.is(err, hcs.ErrElementNotFound) // the handle is good, the object gone
		n.must(c.HcnClose(sim.Namespace, 100))
		n.must(net.AddEndpoint(n.ctx, other, endpoint))
		n.must(net.RemoveEndpoint(n.ctx, other, endpoint))
		n.must(c.HcnDelete(sim.Endpoint, endpoint))
		n.must(c.HcnDelete(sim.Network, network))
	})
}

func TestEndpointIsMadeInANetwork(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.must(c.HcnCreate(sim.Network, 1, 0, zero, `{"Name":"nat","Type":"NAT"}`))
		n.is(c.HcnCreate(sim.Endpoint, 2, 99, zero, `{}`), hcs.ErrInvalidHandle)
		n.must(c.HcnCreate(sim.Namespace, 3, 0, space, ``))
		n.is(c.HcnCreate(sim.Endpoint, 4, 3, zero, `{}`), hcs.ErrHCNNetworkNotFound) // that is a namespace
		n.must(c.HcnCreate(sim.Endpoint, 5, 1, zero, `{"HostComputeNamespace":"`+space+`"}`))
		n.is(c.HcnCreate(sim.Endpoint, 6, 1, zero, `{"HostComputeNamespace":"`+strings.Replace(space, "D", "E", 1)+`"}`), hcs.ErrElementNotFound)
		for _, kind := range []sim.Kind{sim.LoadBalancer, sim.SdnRoute} {
			h := c.NewHandle()
			n.must(c.HcnCreate(kind, h, 0, zero, `{"HostComputeEndpoints":[]}`))
			ids, err := c.HcnEnumerate(kind, "")
			n.must(err)
			n.must(c.HcnDelete(kind, strings.Trim(ids, `[]"`)))
			n.is(c.HcnModify(kind, h, `{}`), hcs.ErrElementNotFound)
		}
	})
}

func TestNamespaceInUse(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		n.must(n.m.Network.CreateNamespace(n.ctx, space))
		doc := document(n.mount())
		doc.Container.Networking = networking(space)
		s := n.created("web", doc)
		n.must(s.Start(n.ctx))
		props, err := s.Properties(n.ctx)
		n.must(err)
		n.must(n.client.HcnOpen(sim.Namespace, 100, space))
		got, err := n.client.HcnQuery(sim.Namespace, 100, "")
		n.must(err)
		if !strings.Contains(got, `{"Type":"Container","Data":{"ID":"`+props.RuntimeID+`"}}`) {
			t.Errorf("namespace %s lacks the container %s", got, props.RuntimeID)
		}
		n.is(n.m.Network.DeleteNamespace(n.ctx, space), hcs.ErrSharingViolation)
		n.must(s.Terminate(n.ctx))
		<-s.Exited()
		n.must(n.m.Network.DeleteNamespace(n.ctx, space)) // before the handle is closed, as the peer does
	})
	inNode(t, sim.Config{}, func(n *node) {
		n.must(n.m.Network.CreateNamespace(n.ctx, space))
		doc := document(n.mount())
		doc.Container.Networking = networking(space)
		s := n.created("web", doc)
		n.must(n.m.Network.DeleteNamespace(n.ctx, space)) // a created system is not in it yet
		n.is(s.Start(n.ctx), hcs.ErrElementNotFound)
	})
}

func TestHNS(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		call := func(method, path, body string) string {
			t.Helper()
			answer, err := n.client.HNSCall(method, path, body)
			n.must(err)
			return answer
		}
		field := func(answer, name string) string {
			_, rest, ok := strings.Cut(answer, `"`+name+`":"`)
			if !ok {
				t.Fatalf("%s lacks %s", answer, name)
			}
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
		if got := call("GET", "/globals/version", ""); got != `{"Success":true,"Output":{"Major":15,"Minor":4}}` {
			t.Errorf("version %s", got)
		}
		ns := field(call("POST", "/namespaces/", "{}"), "ID")
		network := field(call("POST", "/networks/", `{"Name":"nat","Type":"NAT","Subnets":[{"AddressPrefix":"10.0.0.0/24","GatewayAddress":"10.0.0.1"}]}`), "ID")
		answer := call("POST", "/endpoints/", `{"Name":"ep","VirtualNetwork":"`+network+`","IPAddress":"10.0.0.2","PrefixLength":24,"GatewayAddress":"10.0.0.1","DNSServerList":"1.1.1.1,8.8.8.8"}`)
		ep := field(answer, "ID")
		for _, want := range []string{`"IPAddress":"10.0.0.2"`, `"PrefixLength":24`, `"DNSServerList":"1.1.1.1,8.8.8.8"`, `"GatewayAddress":"10.0.0.1"`} {
			if !strings.Contains(answer, want) {
				t.Errorf("endpoint %s lacks %s", answer, want)
			}
		}
		n.must(n.client.HcnOpen(sim.Endpoint, 100, ep)) // the same object in HCN
		doc, err := n.client.HcnQuery(sim.Endpoint, 100, "")
		n.must(err)
		if !strings.Contains(doc, `"IpConfigurations":[{"IpAddress":"10.0.0.2","PrefixLength":24}]`) {
			t.Errorf("endpoint %s", doc)
		}
		if got := call("GET", "/networks/"+network, ""); !strings.Contains(got, `"Subnets":[{"AddressPrefix":"10.0.0.0/24","GatewayAddress":"10.0.0.1"}]`) {
			t.Errorf("network %s", got)
		}
		add := `{"Type":"Endpoint","Data":{"Id":"` + ep + `"}}`
		if got := call("POST", "/namespaces/"+ns+"/addresource", add); got != `{"Success":true}` {
			t.Errorf("add: %s", got)
		}
		if got := call("GET", "/namespaces/"+strings.ToLower(ns), ""); !strings.Contains(got, `"ResourceList":[`+add+`]`) || !strings.Contains(got, `"CompartmentId":`) {
			t.Errorf("namespace %s", got)
		}
		call("POST", "/namespaces/"+ns+"/removeresource", add)
		for _, c := range [][3]string{
			{"GET", "/namespaces/" + zero, ""}, {"DELETE", "/endpoints/" + zero, ""}, {"DELETE", "/networks/" + zero, ""},
			{"POST", "/namespaces/" + ns + "/removeresource", add},
		} {
			if got := call(c[0], c[1], c[2]); !strings.Contains(got, `"Success":false,"Error":"Element not found. ","ErrorCode":`) {
				t.Errorf("%q: %s", c, got)
			}
		}
		for _, c := range [][3]string{
			{"GET", "/accelnet/", ""}, {"PUT", "/networks/", ""}, {"POST", "/policylists/", "{}"}, {"POST", "/endpoints/" + ep + "/attach", "{}"},
			{"POST", "/endpoints/", `{"Colour":"red"}`}, {"POST", "/namespaces/", `{"x":1}`}, {"DELETE", "/networks/" + network, ""},
			{"POST", "/namespaces/" + ns + "/addresource", `{"Type":"Container","Data":{"Id":"x"}}`},
		} {
			if got := call(c[0], c[1], c[2]); !strings.HasPrefix(got, `{"Success":false,"Error":"`) || strings.Contains(got, `"Error":" "`) {
				t.Errorf("%q: %s", c, got)
			}
		}
		if got := call("GET", "/endpoints", ""); strings.Count(got, `"VirtualNetwork"`) != 1 {
			t.Errorf("endpoints %s", got)
		}
		for _, path := range []string{"/endpoints/" + ep, "/namespaces/" + ns, "/networks/" + network} {
			if got := call("DELETE", path, ""); got != `{"Success":true}` {
				t.Errorf("delete %s: %s", path, got)
			}
		}
	})
}
