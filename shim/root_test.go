package shim

import (
	"strings"
	"testing"
	"testing/synctest"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/sim"
)

// mountedByClient is a request for a container whose root file system the client has mounted, as Docker does.
func (n *node) mountedByClient() *taskapi.CreateTaskRequest {
	ctx, layers, parents := n.t.Context(), n.machine.Layers, []string{secondLayer, baseDir}
	if err := layers.Activate(ctx, scratchDir); err != nil {
		n.t.Fatal(err)
	}
	if err := layers.Prepare(ctx, scratchDir, parents); err != nil {
		n.t.Fatal(err)
	}
	volume, err := layers.MountPath(ctx, scratchDir)
	if err != nil {
		n.t.Fatal(err)
	}
	r := n.request(spec("exit 6", func(s *specs.Spec) {
		s.Root, s.Windows.LayerFolders = &specs.Root{Path: volume + `\`}, append(parents, scratchDir)
	}))
	r.Rootfs = nil
	return r
}

// unmount is what the client does when the container has been deleted. All that is still held must be its own mount.
func (n *node) unmount() {
	ctx, layers := n.t.Context(), n.machine.Layers
	if held := n.svc.Held(); len(held) != 1 || !strings.Contains(held[0], scratchDir+" (active 1, prepared true)") {
		n.t.Errorf("held: %q, want the client's mount alone", held)
	}
	if err := layers.Unprepare(ctx, scratchDir); err != nil {
		n.t.Error(err)
	}
	if err := layers.Deactivate(ctx, scratchDir); err != nil {
		n.t.Error(err)
	}
}

// TestRootMountedByClient: a root file system that the client mounts stays mounted, until the client unmounts it; then it can be mounted
// for a container of the same id again.
func TestRootMountedByClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		for range 2 {
			if _, err := n.task.Create(t.Context(), n.mountedByClient()); err != nil {
				t.Fatal(err)
			}
			n.start("")
			if w := n.wait(""); w.ExitStatus != 6 {
				t.Errorf("ended with %d", w.ExitStatus)
			}
			if _, err := n.delete(""); err != nil {
				t.Error(err)
			}
			n.unmount()
		}
		n.gone()
	})
}

// TestRootMountedByClientOfADeadShim: the delete command after a crash leaves it mounted, too.
func TestRootMountedByClientOfADeadShim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		if _, err := n.task.Create(t.Context(), n.mountedByClient()); err != nil {
			t.Fatal(err)
		}
		n.crash()
		n.deleteCommand()
		n.unmount()
		n.gone()
	})
}
