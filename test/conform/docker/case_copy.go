//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var copyCases = []Case{
	script.Short("copy/in-and-out", 0, copyInOut),
	script.Long("copy/of-a-running-container", 0, copyRunning),
	script.Long("commit/image-of-a-container", 0, commit),
	script.Long("commit/of-a-running-container-is-refused", 0, commitRunning),
	script.Long("build/three-lines", 5*time.Minute, buildImage),
}

// archive is a tar with one file.
func (t *T) archive(name, text string) io.Reader {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	t.Must(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}), "archive")
	_, err := io.WriteString(w, text)
	t.Must(errors.Join(err, w.Close()), "archive")
	return &b
}

// from copies a file out of the container.
func (b *Box) from(path string) string {
	r, err := b.t.engine.CopyFromContainer(b.t.Ctx, b.id, client.CopyFromContainerOptions{SourcePath: path})
	b.t.Must(err, "copy from %s", path)
	defer r.Content.Close()
	files := tar.NewReader(r.Content)
	_, err = files.Next()
	b.t.Must(err, "copy from %s", path)
	text, err := io.ReadAll(files)
	b.t.Must(err, "copy from %s", path)
	return string(text)
}

func (b *Box) into(dir, name, text string) {
	_, err := b.t.engine.CopyToContainer(b.t.Ctx, b.id, client.CopyToContainerOptions{DestinationPath: dir, Content: b.t.archive(name, text)})
	b.t.Must(err, "copy into %s", dir)
}

func copyInOut(t *T) {
	b := t.create(with("type", `C:\app\in.txt`, "--", "write", `C:\app\out.txt`, "came", "out"))
	b.into(`C:\app`, "in.txt", "went in\n")
	b.start()
	b.endsWith(0)
	out, _ := b.streams()
	t.Want(out == "went in\n", "it says %q", out)
	got := b.from(`C:\app\out.txt`)
	t.Want(got == "came out\n", "copied out: %q", got)
}

func copyRunning(t *T) {
	b := t.idle()
	b.into(`C:\app`, "in.txt", "went in\n")
	b.exec("type", `C:\app\in.txt`, "--", "write", `C:\app\out.txt`, "came", "out").gives(t, "went in\n", "", 0)
	got := b.from(`C:\app\out.txt`)
	t.Want(got == "came out\n", "copied out: %q", got)
	b.exec("print", "still").gives(t, "still\n", "", 0)
}

// commit: what a container has written is in the image that is made of it, with what was below.
func commit(t *T) {
	b := t.run(with("write", `C:\app\new.txt`, "of", "the", "container"))
	b.endsWith(0)
	name := t.image("committed:" + strings.ReplaceAll(t.runID, "_", "-"))
	_, err := t.engine.ContainerCommit(t.Ctx, b.id, client.ContainerCommitOptions{Reference: name})
	t.Must(err, "commit")
	c := t.run(with("type", `C:\app\new.txt`, "--", "type", `C:\base.txt`), func(s *spec) { s.Image = name })
	c.endsWith(0)
	out, _ := c.streams()
	t.Want(out == "of the container\nfrom the base layer\n", "it says %q", out)
	t.Must(c.removed(t.Ctx), "remove")
	_, err = t.engine.ImageRemove(t.Ctx, name, client.ImageRemoveOptions{Force: true})
	t.Must(err, "remove the image")
}

// commitRunning: the engine refuses that on Windows itself.
func commitRunning(t *T) {
	b := t.idle()
	_, err := t.engine.ContainerCommit(t.Ctx, b.id, client.ContainerCommitOptions{Reference: t.image("committed:running")})
	t.Want(err != nil && strings.Contains(err.Error(), "does not support commit of a running container"), "commit: %v", err)
}

// buildImage: a Dockerfile of three lines, by the daemon's own builder.
func buildImage(t *T) {
	name := t.image("built:" + t.runID)
	file := "FROM " + t.image(winapp) + "\nRUN [\"winapp.exe\", \"write\", \"C:\\\\app\\\\built.txt\", \"by the builder\"]\nCMD [\"winapp.exe\", \"type\", \"C:\\\\app\\\\built.txt\"]\n"
	r, err := t.engine.ImageBuild(t.Ctx, t.archive("Dockerfile", file), client.ImageBuildOptions{Tags: []string{name}, Version: build.BuilderV1, Remove: true, ForceRemove: true})
	t.Must(err, "build")
	defer r.Body.Close()
	said := ""
	d := json.NewDecoder(r.Body)
	for {
		var m struct{ Stream, Error string }
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		t.Must(err, "build")
		t.Want(m.Error == "", "build: %s after %q", m.Error, clip(said))
		said += m.Stream
	}
	b := t.run(func(s *spec) { s.Image = name })
	b.endsWith(0)
	out, _ := b.streams()
	t.Want(out == "by the builder\n", "it says %q", out)
	t.Must(b.removed(t.Ctx), "remove")
	_, err = t.engine.ImageRemove(t.Ctx, name, client.ImageRemoveOptions{Force: true})
	t.Must(err, "remove the image")
}
