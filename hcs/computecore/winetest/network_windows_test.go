package winetest

import (
	"context"
	"strings"
	"testing"

	"github.com/Microsoft/go-winio/pkg/guid"
	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs/hcn"
)

func TestNamespace(t *testing.T) {
	n := hcn.New()
	g, err := guid.NewV4()
	must(t, err)
	id := g.String()
	must(t, n.CreateNamespace(within(t, bound), id))
	if !strings.Contains(strings.ToLower(string(state(t)["namespaces"])), id) {
		t.Fatalf("the namespace has another id: %s", state(t)["namespaces"])
	}
	if err := n.CreateNamespace(within(t, bound), id); err == nil {
		t.Fatal("made twice")
	}
	none, err := guid.NewV4()
	must(t, err)
	if err := n.AddEndpoint(within(t, bound), id, none.String()); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	if err := n.RemoveEndpoint(within(t, bound), none.String(), none.String()); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	must(t, n.FindNamespace(within(t, bound), id))
	must(t, n.DeleteNamespace(within(t, bound), id))
	if err := n.FindNamespace(within(t, bound), id); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	if err := n.DeleteNamespace(within(t, bound), id); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", guid.GUID{}.String()} {
		if err := n.CreateNamespace(within(t, bound), bad); !errdefs.IsInvalidArgument(err) {
			t.Fatal(bad, err)
		}
	}
}

func TestEndpoint(t *testing.T) {
	n := hcn.New()
	ids := make([]string, 3)
	for i := range ids {
		g, err := guid.NewV4()
		must(t, err)
		ids[i] = g.String()
	}
	network, endpoint, namespace := ids[0], ids[1], ids[2]
	const version = `{"SchemaVersion":{"Major":2,"Minor":0}}`
	simAll(t, []string{"HcnCreateNetwork", "1", network, version}, []string{"HcnCreateEndpoint", "2", "1", endpoint, version})
	t.Cleanup(func() { simAll(t, []string{"HcnDeleteEndpoint", endpoint}, []string{"HcnDeleteNetwork", network}) })
	must(t, n.CreateNamespace(within(t, bound), namespace))
	t.Cleanup(func() { must(t, n.DeleteNamespace(context.Background(), namespace)) })

	must(t, n.AddEndpoint(within(t, bound), namespace, endpoint))
	query := simAll(t, []string{"HcnOpenEndpoint", "1", endpoint}, []string{"HcnQueryEndpointProperties", "1", version})
	if !strings.Contains(strings.ToLower(query[0]), namespace) {
		t.Fatal("not attached:", query)
	}
	if err := n.AddEndpoint(within(t, bound), namespace, endpoint); !errdefs.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	traffic, err := n.Traffic(within(t, bound), namespace)
	must(t, err)
	if len(traffic) != 1 || !strings.EqualFold(traffic[0].Endpoint, endpoint) {
		t.Fatalf("traffic %+v", traffic)
	}
	must(t, n.RemoveEndpoint(within(t, bound), namespace, endpoint))
	if traffic, err := n.Traffic(within(t, bound), namespace); err != nil || len(traffic) != 0 {
		t.Fatalf("traffic of a namespace without endpoints: %+v, %v", traffic, err)
	}
	if _, err := n.Traffic(within(t, bound), endpoint); !errdefs.IsNotFound(err) {
		t.Fatal("traffic of no namespace:", err)
	}
	if err := n.RemoveEndpoint(within(t, bound), namespace, endpoint); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
}
