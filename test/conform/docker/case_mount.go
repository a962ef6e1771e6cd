//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var mountCases = []Case{
	script.Short("mount/directory", 0, mountDirectory),
	script.Short("mount/read-only", 0, mountReadOnly),
	script.Long("mount/file", 0, mountFile),
	script.Long("mount/named-pipe", 0, mountPipe),
	script.Short("mount/volume-is-shared-and-stays", 0, mountVolume),
	script.Long("mount/source-that-is-not-there", 0, mountMissing),
}

// hostDir makes a directory on the rig's drive, with a file in it, and returns its path there and here.
func (t *T) hostDir() (windows, linux string) {
	name := t.ID()
	linux = filepath.Join(t.o.rig, "prefix", "drive_c", "mounts", name)
	t.Must(os.MkdirAll(linux, 0o755), "directory of the host")
	t.Must(os.WriteFile(filepath.Join(linux, "host.txt"), []byte("from the host\n"), 0o644), "file of the host")
	return `C:\mounts\` + name, linux
}

func bind(source, target string, readOnly bool) func(*spec) {
	return func(s *spec) {
		s.Mounts = append(s.Mounts, mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: readOnly})
	}
}

func mountDirectory(t *T) {
	windows, linux := t.hostDir()
	// Both forms that a client has.
	for i, how := range []func(*spec){bind(windows, `C:\shared`, false), func(s *spec) { s.Binds = []string{windows + `:C:\shared`} }} {
		b := t.run(with("type", `C:\shared\host.txt`, "--", "append", `C:\shared\guest.txt`, "from the guest"), how)
		b.endsWith(0)
		out, _ := b.streams()
		t.Want(out == "from the host\n", "the container reads %q", out)
		got, err := os.ReadFile(filepath.Join(linux, "guest.txt"))
		t.Must(err, "read what the container wrote")
		t.Want(string(got) == strings.Repeat("from the guest\n", i+1), "the host reads %q", got)
	}
}

func mountReadOnly(t *T) {
	windows, linux := t.hostDir()
	b := t.run(with("type", `C:\shared\host.txt`, "--", "write", `C:\shared\no.txt`, "x"), bind(windows, `C:\shared`, true))
	b.endsWith(1)
	out, _ := b.streams()
	t.Want(out == "from the host\n", "the container reads %q", out)
	_, err := os.Stat(filepath.Join(linux, "no.txt"))
	t.Want(err != nil, "a file was written through the read-only mount")
}

// mountFile: the engine's own parser for Windows takes directories only, unless it is LCOW (volume/mounts/windows_parser.go): it says so
// before any shim is asked.
func mountFile(t *T) {
	windows, _ := t.hostDir()
	_, err := t.tryCreate(with("type", `C:\one.txt`), bind(windows+`\host.txt`, `C:\one.txt`, false))
	t.Want(err != nil && strings.Contains(err.Error(), "directory"), "a mount of a file: %v, want the engine's refusal", err)
	t.idle(bind(windows, `C:\shared`, false)).exec("type", `C:\shared\host.txt`).gives(t, "from the host\n", "", 0)
}

func mountPipe(t *T) {
	b := t.idle(func(s *spec) {
		s.Mounts = []mount.Mount{{Type: mount.TypeNamedPipe, Source: `\\.\pipe\containerd-containerd`, Target: `\\.\pipe\of-the-host`}}
	})
	pipes := t.holdings().Containers[b.id].MappedPipes
	t.Want(len(pipes) == 1 && pipes[0].HostPath == `\\.\pipe\containerd-containerd` && pipes[0].ContainerPipeName == "of-the-host",
		"the machine was told of the pipes %+v", pipes)
}

func mountVolume(t *T) {
	name := t.ID()
	_, err := t.engine.VolumeCreate(t.Ctx, client.VolumeCreateOptions{Name: name})
	t.Must(err, "create volume")
	volume := func(s *spec) {
		s.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: name, Target: `C:\data`}}
	}
	writer := t.run(with("write", `C:\data\kept.txt`, "kept"), volume)
	writer.endsWith(0)
	t.Must(writer.removed(t.Ctx), "remove")
	readers := []*Box{t.idle(volume), t.idle(volume)}
	for _, r := range readers {
		r.exec("type", `C:\data\kept.txt`).gives(t, "kept\n", "", 0)
	}
	readers[0].exec("write", `C:\data\kept.txt`, "changed").gives(t, "", "", 0)
	readers[1].exec("type", `C:\data\kept.txt`).gives(t, "changed\n", "", 0)
	for _, r := range readers {
		t.Must(r.removed(t.Ctx), "remove")
	}
	_, err = t.engine.VolumeRemove(t.Ctx, name, client.VolumeRemoveOptions{})
	t.Must(err, "remove volume")
}

func mountMissing(t *T) {
	_, err := t.tryCreate(with("exit", "0"), bind(`C:\mounts\not-there`, `C:\x`, false))
	t.Want(err != nil && strings.Contains(err.Error(), `C:\mounts\not-there`), "create: %v, want an error that names the source", err)
	t.idle()
}
