package sim_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

func TestLayerOrder(t *testing.T) {
	parents := []string{top, base}
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.is(c.ActivateLayer(`C:\layers\none`), hcs.ErrPathNotFound)
		n.is(c.PrepareLayer(scratch, parents), hcs.ErrNotReady) // prepare needs active
		_, err := c.LayerMountPath(scratch)
		n.is(err, hcs.ErrNotReady)
		n.is(c.UnprepareLayer(scratch), hcs.ErrPathNotFound)
		n.is(c.DeactivateLayer(scratch), hcs.ErrPathNotFound)

		n.must(c.ActivateLayer(`\\?\` + scratch))
		v, err := c.LayerMountPath(strings.ToUpper(scratch))
		n.must(err)
		if !strings.HasPrefix(v, `\\?\Volume{`) || !strings.HasSuffix(v, "}") {
			t.Errorf("volume %q", v)
		}
		n.is(c.PrepareLayer(scratch, nil), hcs.ErrInvalidArgument)
		n.is(c.PrepareLayer(scratch, []string{`C:\layers\none`}), hcs.ErrPathNotFound)
		n.must(c.PrepareLayer(scratch, parents))
		n.is(c.PrepareLayer(scratch, parents), hcs.ErrAlreadyExists)
		n.is(c.DeactivateLayer(scratch), hcs.ErrSharingViolation) // unprepare comes first
		n.is(c.DestroyLayer(scratch), hcs.ErrSharingViolation)    // active
		n.is(c.DestroyLayer(base), hcs.ErrSharingViolation)       // parent of a prepared layer

		n.must(c.ActivateLayer(scratch)) // counts
		n.must(c.DeactivateLayer(scratch))
		if again, err := c.LayerMountPath(scratch); err != nil || again != v {
			t.Errorf("volume %q, %v; was %q", again, err, v)
		}
		n.must(c.UnprepareLayer(scratch))
		n.is(c.UnprepareLayer(scratch), hcs.ErrPathNotFound)
		n.must(c.DeactivateLayer(scratch))
		n.is(c.DeactivateLayer(scratch), hcs.ErrPathNotFound)
		n.must(c.DestroyLayer(scratch))
		n.is(c.DestroyLayer(scratch), hcs.ErrPathNotFound)
	})
}

func TestLayerInUse(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		doc := document(n.mount())
		s := n.created("web", doc)
		n.is(n.m.Layers.Unprepare(n.ctx, scratch), hcs.ErrSharingViolation) // created is enough
		_, err := n.m.Compute.Create(n.ctx, "other", doc)
		n.is(err, hcs.ErrSharingViolation)
		n.must(s.Start(n.ctx))
		n.is(n.m.Layers.Unprepare(n.ctx, scratch), hcs.ErrSharingViolation)
		n.must(s.Terminate(n.ctx))
		<-s.Exited()
		other := n.created("other", doc) // a stopped system needs its root no more
		n.must(other.Terminate(n.ctx))
		<-other.Exited()
		n.unmount()
		_, err = n.m.Compute.Create(n.ctx, "third", doc)
		n.is(err, hcs.ErrPathNotFound) // the volume is gone
		n.must(n.m.Layers.Activate(n.ctx, scratch))
		v, err := n.m.Layers.MountPath(n.ctx, scratch)
		n.must(err)
		if v+`\` == doc.Container.Storage.Path {
			t.Error("a new attachment has the old volume")
		}
		doc.Container.Storage.Path = v + `\`
		_, err = n.m.Compute.Create(n.ctx, "third", doc)
		n.is(err, hcs.ErrInvalidLayer) // active, not prepared
	})
}

func TestBaseLayerIsMountedWithoutFilter(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.must(c.ActivateLayer(base))
		n.must(c.PrepareLayer(base, nil))
		if p, err := c.LayerMountPath(base); err != nil || p != base {
			t.Errorf("%q, %v", p, err)
		}
		n.must(c.UnprepareLayer(base))
		n.must(c.DeactivateLayer(base))
	})
}

func TestScratch(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		n.svc.Store().(*sim.Memory).AddDir(`C:\layers\4`)
		if has, err := n.m.Layers.HasScratch(`C:\layers\4`); err != nil || has {
			t.Errorf("%t, %v", has, err)
		}
		n.is(n.m.Layers.CreateScratch(n.ctx, `C:\layers\none`, []string{base}), hcs.ErrPathNotFound)
		n.is(n.m.Layers.CreateScratch(n.ctx, `C:\layers\4`, nil), hcs.ErrInvalidArgument)
		n.is(n.m.Layers.CreateScratch(n.ctx, `C:\layers\4`, []string{`C:\layers\none`}), hcs.ErrPathNotFound)
		n.is(n.client.ExpandSandboxSize(`C:\layers\4`, 1), hcs.ErrFileNotFound)
		n.must(n.m.Layers.CreateScratch(n.ctx, `C:\layers\4`, []string{base}))
		n.is(n.m.Layers.CreateScratch(n.ctx, `C:\layers\4`, []string{base}), hcs.ErrFileExists)
		if has, err := n.m.Layers.HasScratch(`\\?\c:\LAYERS\4\`); err != nil || !has {
			t.Errorf("%t, %v", has, err)
		}
		n.must(n.client.ExpandSandboxSize(`C:\layers\4`, 1))
		n.is(n.client.ExpandSandboxSize(`C:\layers\4`, 0), hcs.ErrInvalidArgument)
	})
}

func TestLayersOnDisk(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.must(c.ProcessBaseImage(`\\?\` + base))
		n.must(c.ProcessUtilityImage(base))
		n.must(c.ImportLayer(top, `C:\temp`, []string{base}))
		n.is(c.ImportLayer(top, `C:\temp`, []string{`C:\none`}), hcs.ErrPathNotFound)
		n.is(c.ImportLayer(`C:\none`, `C:\temp`, nil), hcs.ErrPathNotFound)
		// The order of a commit: activate, prepare, unprepare, export, deactivate.
		n.is(c.ExportLayer(scratch, `C:\temp`, []string{top, base}), hcs.ErrNotReady)
		n.mount()
		n.is(c.ExportLayer(scratch, `C:\temp`, []string{top, base}), hcs.ErrNotReady)
		n.must(c.UnprepareLayer(scratch))
		n.is(c.ExportLayer(scratch, `C:\temp`, []string{top, base}), hcs.ErrNotImplemented) // Memory has no files
	})
}

func TestOverlayFilter(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		data := `{"SchemaVersion":{"Major":2,"Minor":1},"Layers":[{"Id":"x","Path":"C:\\layers\\2"},{"Id":"y","Path":"C:\\layers\\1"}],"FilterType":"UnionFS"}`
		n.is(c.AttachOverlayFilter(`\\?\Volume{none}`, data), hcs.ErrPathNotFound)
		n.must(c.ActivateLayer(scratch))
		v, err := c.LayerMountPath(scratch)
		n.must(err)
		n.is(c.AttachOverlayFilter(v, `{"FilterType":"Coffee"}`), hcs.ErrInvalidArgument)
		n.is(c.AttachOverlayFilter(v, `{"Layer":[]}`), hcs.ErrInvalidJSON)
		n.must(c.AttachOverlayFilter(v+`\`, data))
		n.is(c.AttachOverlayFilter(v, data), hcs.ErrAlreadyExists)
		n.created("web", document(v))
		n.is(c.DetachOverlayFilter(v, data), hcs.ErrSharingViolation)
		n.svc.Break("web")
		n.state("web")
		n.must(c.DetachOverlayFilter(v, data))
		n.is(c.DetachOverlayFilter(v, data), hcs.ErrPathNotFound)
	})
}

func TestNameToGUID(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		a, err := n.m.Layers.ID(n.ctx, `C:\layers\1`)
		n.must(err)
		b, err := n.m.Layers.ID(n.ctx, `\\?\D:\second\1\`)
		n.must(err)
		c, err := n.m.Layers.ID(n.ctx, `C:\layers\2`)
		n.must(err)
		if a != b || a == c || a != sim.NameToGUID("1") {
			t.Errorf("ids %s, %s, %s", a, b, c)
		}
		if len(a) != 36 || a[14] != '5' || !strings.ContainsRune("89ab", rune(a[19])) {
			t.Errorf("%s is not of version 5", a)
		}
	})
}

// slowStore's merges take a second.
type slowStore struct{ *sim.Memory }

func (s slowStore) Merge(path, volume string, parents []string) error {
	time.Sleep(time.Second)
	return s.Memory.Merge(path, volume, parents)
}

// What a client started and lost sight of, another undoes: the calls on one layer exclude each other.
func TestLayerCallsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := slowStore{sim.NewMemory()}
		store.AddDir(base, top)
		store.AddScratch(scratch)
		svc := sim.New(sim.Config{Store: store})
		defer svc.Close()
		c, other := svc.Connect("shim", 100), svc.Connect("delete", 101)
		if err := c.ActivateLayer(scratch); err != nil {
			t.Fatal(err)
		}
		prepared := make(chan error, 1)
		go func() { prepared <- c.PrepareLayer(scratch, []string{top, base}) }()
		synctest.Wait()
		if err := errors.Join(other.UnprepareLayer(scratch), other.DeactivateLayer(scratch), <-prepared); err != nil {
			t.Error(err)
		}
		if held := svc.Held(); len(held) > 0 {
			t.Errorf("still held: %v", held)
		}
	})
}
