//go:build linux

package main

import (
	"strings"

	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var imageCases = []Case{
	script.Short("image/build-of-the-host-is-chosen", 0, buildChosen),
	script.Short("image/layers-in-order", 0, layersInOrder),
}

// buildChosen: of a manifest list the image for this build of Windows is pulled.
func buildChosen(t *T) {
	t.Must(t.pull(t.Ctx, manyBuilds), "pull")
	i, err := t.engine.ImageInspect(t.Ctx, t.image(manyBuilds))
	t.Must(err, "inspect the image")
	t.Want(i.OsVersion == hostBuild && i.Architecture == "amd64", "pulled the image for %s on %s, want %s on amd64", i.OsVersion, i.Architecture, hostBuild)
	b := t.run(func(s *spec) { s.Image = t.image(manyBuilds) })
	b.endsWith(0)
	out, _ := b.streams()
	t.Want(out == "hello from winapp\n", "it says %q", out)
	// As is what docker image rm says: the name goes; that the other keeps the layers is tested by whatever comes next.
	_, err = t.engine.ImageRemove(t.Ctx, t.image(manyBuilds), client.ImageRemoveOptions{Force: true})
	t.Must(err, "remove the image")
}

// layersInOrder: both layers are there, and the upper one wins.
func layersInOrder(t *T) {
	b := t.run(with("type", `C:\base.txt`, "--", "type", `C:\both.txt`, "--", "type", `C:\app\hello.txt`))
	b.endsWith(0)
	want := "from the base layer app hello from the app layer"
	out, _ := b.streams()
	t.Want(strings.Join(strings.Fields(out), " ") == want, "it says %q, want %q", out, want)
}
