package shim

import (
	"bytes"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs/sim"
)

func TestStacks(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		n.start("")
		var b bytes.Buffer
		if err := Stacks(t.Context(), n.machine.Host, Flags{Namespace: ns, ID: n.id}, &b); err != nil || !strings.Contains(b.String(), "task.(*Pod).loop") {
			t.Errorf("%d bytes, %v: the loop is not in them", b.Len(), err)
		}
		if err := Stacks(t.Context(), n.machine.Host, Flags{Namespace: ns, ID: "other"}, &b); !errdefs.IsNotFound(err) {
			t.Errorf("of a shim that is not there: %v", err)
		}
		n.end()
	})
}
