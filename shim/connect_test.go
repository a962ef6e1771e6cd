package shim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/annotation"
)

// attached are the endpoints that are in some namespace, by their names.
func (n *node) attached() string {
	var names []string
	for _, e := range n.svc.State().Endpoints {
		if e.Namespace != "" {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// connectable runs a test with a node that has endpoints a, b and c, the first of which is the container's.
func connectable(t *testing.T, body func(t *testing.T, n *node, set *fault.Set, id map[string]string)) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{Facts: hcs.Facts{Processors: 4}}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		network, id := n.svc.AddNetwork("nat"), map[string]string{}
		for _, name := range []string{"a", "b", "c"} {
			id[name] = n.svc.AddEndpoint(network, name)
		}
		n.create(spec("wait", func(s *specs.Spec) { s.Windows.Network.EndpointList = []string{id["a"]} }))
		body(t, n, set, id)
		set.Clear()
		n.end()
		if left := n.attached(); left != "" {
			t.Errorf("endpoints in a namespace at the end: %s", left)
		}
		n.gone()
	})
}

// have makes endpoints those of the container.
func (n *node) have(ids ...string) error {
	return n.update(nil, annotation.Endpoints, strings.Join(ids, ","))
}

// TestConnect: a container that a client gave endpoints, and no namespace, can have others while it is there.
func TestConnect(t *testing.T) {
	connectable(t, func(t *testing.T, n *node, _ *fault.Set, id map[string]string) {
		for _, started := range []bool{false, true} {
			if started {
				n.start("")
			}
			for _, want := range []string{"a", "a b", "a b", "b c", "", "c", "a"} {
				var ids []string
				for _, name := range strings.Fields(want) {
					ids = append(ids, strings.ToLower(id[name]))
				}
				if err := n.have(ids...); err != nil || n.attached() != want {
					t.Errorf("started %t: %s: %v, the machine has %q", started, want, err, n.attached())
				}
			}
		}
		if err := n.update(resources("memory", 512)); err != nil {
			t.Errorf("limits after that: %v", err)
		}
	})
}

// TestConnectIsWhole: an endpoint that cannot be had leaves those that the container has, and what it gets after all is given back.
func TestConnectIsWhole(t *testing.T) {
	for name, rule := range map[string]string{
		"fails":       "HcnModifyNamespace fail 0x80070005 skip=1 times=1",
		"answer lost": "HcnModifyNamespace lose skip=1 times=1",
		"hangs":       "HcnModifyNamespace hang skip=1 times=1",
	} {
		t.Run(name, func(t *testing.T) {
			connectable(t, func(t *testing.T, n *node, set *fault.Set, id map[string]string) {
				r, err := fault.Parse(rule)
				if err != nil {
					t.Fatal(err)
				}
				n.start("")
				set.Add(r)
				if err := n.have(id["a"], id["b"], id["c"]); err == nil || !strings.Contains(err.Error(), strings.ToLower(id["c"])) && !strings.Contains(err.Error(), id["c"]) {
					t.Errorf("%v, want an error that names %s", err, id["c"])
				}
				if got := n.attached(); got != "a" {
					t.Errorf("the machine has %q, want a", got)
				}
				if err := n.have(id["a"], id["c"]); err != nil || n.attached() != "a c" {
					t.Errorf("again: %v, the machine has %q", err, n.attached())
				}
			})
		})
	}
	t.Run("not removed", func(t *testing.T) {
		connectable(t, func(t *testing.T, n *node, set *fault.Set, id map[string]string) {
			r, err := fault.Parse("HcnModifyNamespace fail 0x80070005 times=1")
			if err != nil {
				t.Fatal(err)
			}
			set.Add(r)
			if err := n.have(); err == nil || n.attached() != "a" {
				t.Errorf("%v, the machine has %q", err, n.attached())
			}
			if err := n.have(); err != nil || n.attached() != "" {
				t.Errorf("again: %v, the machine has %q", err, n.attached())
			}
		})
	})
}

func TestConnectRefuses(t *testing.T) {
	const unknown = "11111111-2222-3333-4444-555555555555"
	connectable(t, func(t *testing.T, n *node, _ *fault.Set, id map[string]string) {
		n.start("")
		for name, c := range map[string]struct {
			err  error
			code codes.Code
			says string
		}{
			"no GUID":           {n.have("b"), codes.InvalidArgument, annotation.Endpoints},
			"twice":             {n.have(id["b"], id["b"]), codes.InvalidArgument, "twice"},
			"unknown":           {n.have(id["a"], unknown), codes.NotFound, unknown},
			"with limits":       {n.update(resources("memory", 512), annotation.Endpoints, id["b"]), codes.InvalidArgument, annotation.Endpoints},
			"with another":      {n.update(nil, annotation.Endpoints, id["b"], annotation.MemoryMB, "512"), codes.InvalidArgument, annotation.Endpoints},
			"at create":         {n.atCreate(id["b"]), codes.InvalidArgument, annotation.Endpoints},
			"somebody else's":   {n.steal(id["b"]), codes.AlreadyExists, id["b"]},
			"given a namespace": {n.given(), codes.InvalidArgument, podNamespace},
		} {
			if status.Code(c.err) != c.code || !strings.Contains(strings.ToLower(fmt.Sprint(c.err)), strings.ToLower(c.says)) {
				t.Errorf("%s: %v, want %v that says %s", name, c.err, c.code, c.says)
			}
		}
	})
}

// atCreate asks for an endpoint too early.
func (n *node) atCreate(id string) error {
	m := n.as("other")
	_, err := n.task.Create(n.t.Context(), m.request(spec("wait", annotate(annotation.Endpoints, id))))
	return err
}

// steal asks for an endpoint that is in another namespace.
func (n *node) steal(id string) error {
	other := n.svc.AddNamespace("5f9b1f0e-0000-4000-8000-00000000c0de")
	if err := n.machine.Network.AddEndpoint(n.t.Context(), other, id); err != nil {
		return err
	}
	err := n.have(id)
	if back := n.machine.Network.RemoveEndpoint(n.t.Context(), other, id); back != nil {
		n.t.Error("its owner does not have it any more:", back)
	}
	return err
}

// given asks for an endpoint in a container whose namespace is its client's.
func (n *node) given() error {
	n.svc.AddNamespace(podNamespace)
	m := n.as("given")
	m.create(spec("wait", func(s *specs.Spec) { s.Windows.Network.NetworkNamespace = podNamespace }))
	err := m.have()
	_, _ = m.delete("")
	return err
}
