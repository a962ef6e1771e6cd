package winetest

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/layer"
)

func TestLayers(t *testing.T) {
	r := newRoot(t)
	if !regexp.MustCompile(`^\\\\\?\\Volume\{[0-9a-fA-F-]{36}\}$`).MatchString(r.volume) {
		t.Fatal(r.volume)
	}
	if has, err := r.layers.HasScratch(r.scratch); !has || err != nil {
		t.Fatal(has, err)
	}
	if err := r.layers.CreateScratch(within(t, bound), r.scratch, r.parents); !errdefs.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	a, err := r.layers.ID(within(t, bound), r.parents[0])
	must(t, err)
	b, err := r.layers.ID(within(t, bound), filepath.Join(`C:\elsewhere`, filepath.Base(r.parents[0])))
	must(t, err)
	if a != b || !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(a) {
		t.Fatal(a, b)
	}
}

func TestLayerErrors(t *testing.T) {
	l := layer.New()
	missing := filepath.Join(t.TempDir(), "none")
	err := l.Activate(within(t, bound), missing)
	var e *hcs.Error
	if !errdefs.IsNotFound(err) || !errors.As(err, &e) || e.Op != "ActivateLayer" || e.ID != missing {
		t.Fatal(err)
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "sandbox.vhdx"), nil, 0o600))
	if err := l.Prepare(within(t, bound), dir, nil); !errors.Is(err, hcs.ErrNotReady) {
		t.Fatal(err)
	}
}
