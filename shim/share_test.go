package shim

import (
	"testing"
	"testing/synctest"

	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

// sharing is a spec with the network of another container, as Docker writes it: with that one's endpoints.
func sharing(other string, endpoints ...string) *specs.Spec {
	return spec("wait", func(s *specs.Spec) {
		s.Windows.Network = &specs.WindowsNetwork{NetworkSharedContainerName: other, EndpointList: endpoints}
	})
}

// namespaces are those that there are, by the ids of the containers in them.
func (n *node) namespaces() map[string][]string {
	in := map[string][]string{}
	state := n.svc.State()
	for _, o := range state.Namespaces {
		in[o.ID] = nil
	}
	for _, s := range state.Systems {
		in[s.Namespace] = append(in[s.Namespace], s.ID)
	}
	return in
}

// TestShare: whichever of two containers with one network ends last gives the namespace back.
func TestShare(t *testing.T) {
	for _, last := range []string{"owner", "guest"} {
		t.Run(last+" ends last", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, sim.Config{Facts: hcs.Facts{Processors: 4}}, nil)
				network := n.svc.AddNetwork("nat")
				a, b := n.svc.AddEndpoint(network, "a"), n.svc.AddEndpoint(network, "b")
				guest, early, other := n.as("guest"), n.as("early"), n.as("other")
				if _, err := early.task.Create(t.Context(), early.request(sharing(n.id, a))); status.Code(err) != codes.FailedPrecondition {
					t.Errorf("the network of one that is not there: %v", err)
				}
				if _, err := other.task.Create(t.Context(), other.request(sharing(n.id))); status.Code(err) != codes.Unimplemented {
					t.Errorf("a network without endpoints: %v", err)
				}
				n.create(spec("wait", func(s *specs.Spec) { s.Windows.Network.EndpointList = []string{a} }))
				visitor := n.as("visitor")
				visitor.create(sharing(n.id, a))
				if _, err := visitor.delete(""); err != nil {
					t.Errorf("delete of a guest that did not run: %v", err)
				}
				n.start("") // whose namespace is still there
				guest.create(sharing(n.id, a))
				guest.start("")
				for id, in := range n.namespaces() {
					if len(in) != 2 {
						t.Errorf("in namespace %s: %q, want both", id, in)
					}
				}
				if err := guest.have(b); status.Code(err) != codes.InvalidArgument {
					t.Errorf("another endpoint for the guest: %v", err)
				}
				order := []*node{guest, n}
				if last == "guest" {
					order = []*node{n, guest}
				}
				order[0].end()
				if in := n.namespaces(); len(in) != 1 {
					t.Errorf("when one has ended: %v", in)
				}
				order[1].end()
				n.gone()
			})
		})
	}
}
