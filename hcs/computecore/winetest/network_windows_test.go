package winetest

import (
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
	must(t, n.DeleteNamespace(within(t, bound), id))
	if err := n.DeleteNamespace(within(t, bound), id); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", guid.GUID{}.String()} {
		if err := n.CreateNamespace(within(t, bound), bad); !errdefs.IsInvalidArgument(err) {
			t.Fatal(bad, err)
		}
	}
}
