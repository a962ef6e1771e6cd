package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/image-spec/identity"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var ctrCases = []Case{
	{Name: "ctr/run-with-output-and-exit-code", Run: ctrRun},
	{Name: "ctr/run-detached-and-work-with-it", Run: ctrDetached, Limit: 2 * time.Minute},
	{Name: "ctr/run-a-spec-with-layer-folders", Run: ctrLayerFolders},
	{Name: "ctr/inspect-runtime", Run: ctrInspect},
}

// said is what one ctr command did.
type said struct {
	code     int
	out, err string
}

// ctr runs a command of ctr as a person would.
func (t *T) ctr(args ...string) said { return t.ctrWithin(t.Ctx, args...) }

func (t *T) ctrWithin(ctx context.Context, args ...string) said {
	c := exec.CommandContext(ctx, t.o.ctr, append([]string{"--address", t.o.address, "--namespace", t.o.namespace}, args...)...)
	var out, errOut strings.Builder
	c.Stdout, c.Stderr = &out, &errOut
	c.WaitDelay = 5 * time.Second
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fail("ctr %s: %v", strings.Join(args, " "), err)
	}
	return said{c.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// ctrAsks is a command that changes nothing and must succeed. On Wine a process now and then does not begin or does not end: one that says
// nothing is tried again.
func (t *T) ctrAsks(args ...string) string {
	ctx, cancel := context.WithTimeout(t.Ctx, 15*time.Second)
	defer cancel()
	s := t.ctrWithin(ctx, args...)
	if ctx.Err() != nil {
		t.Say("ctr %s: not done within 15 s, and tried again", strings.Join(args, " "))
		return t.ctrOK(args...)
	}
	t.Want(s.code == 0, "ctr %s: exit %d, %s", strings.Join(args, " "), s.code, clip(s.err))
	return s.out
}

// ctrOK is a command that must succeed.
func (t *T) ctrOK(args ...string) string {
	s := t.ctr(args...)
	t.Want(s.code == 0, "ctr %s: exit %d, %s", strings.Join(args, " "), s.code, clip(s.err))
	return s.out
}

// ctrScrap removes a container that ctr made, if it is there.
func (t *T) ctrScrap(id string) {
	t.Later(func(ctx context.Context) error {
		c, err := t.client.LoadContainer(ctx, id)
		if err != nil {
			return nil // gone, as it should be
		}
		return t.scrap(ctx, &Box{Proc: Proc{t: t, id: id}, c: c})
	})
}

func (t *T) runArgs(flags ...string) []string {
	return append([]string{"run", "--runtime", t.o.runtime, "--snapshotter", t.o.snapshotter}, flags...)
}

func ctrRun(t *T) {
	id := t.ID()
	t.ctrScrap(id)
	s := t.ctr(t.runArgs(append([]string{"--rm", t.o.image, id}, app("print", "hello", "--", "err", "bad", "--", "exit", "7")...)...)...)
	t.Want(s.code == 7, "ctr run: exit code %d, want 7: %s", s.code, clip(s.err))
	t.Want(lines(s.out) == "hello" && strings.Contains(s.err, "bad"), "stdout %q, stderr %q", clip(s.out), clip(s.err))
	s = t.ctr("containers", "info", id)
	t.Want(s.code != 0, "the container is there after run --rm")
}

func ctrDetached(t *T) {
	id := t.ID()
	t.ctrScrap(id)
	t.ctrOK(t.runArgs(append([]string{"--detach", "--null-io", t.o.image, id}, app("sleep", "300s")...)...)...)
	t.Want(ctrState(t, id) == "RUNNING", "task ls: %q, want RUNNING", ctrState(t, id))
	s := t.ctr(append([]string{"task", "exec", "--exec-id", t.ID(), id}, app("print", "in-exec", "--", "exit", "9")...)...)
	t.Want(s.code == 9 && lines(s.out) == "in-exec", "task exec: exit %d, stdout %q, stderr %q", s.code, clip(s.out), clip(s.err))
	out := t.ctrOK("task", "ps", id)
	t.Want(strings.Contains(out, "winapp.exe"), "task ps: %q", clip(out))
	out = t.ctrOK("task", "metrics", id)
	for _, w := range []string{"uptime_ns", "cpu.total_runtime_ns", "memory.commit_bytes"} {
		t.Want(strings.Contains(out, w), "task metrics does not name %s: %q", w, clip(out))
	}
	t.ctrOK("task", "kill", "--signal", "SIGKILL", id)
	t.Want(t.Until(streamBound, func() bool { return ctrState(t, id) == "STOPPED" }), "task ls: %q, want STOPPED", ctrState(t, id))
	t.ctr("task", "rm", id) // its exit code is the task's
	t.Want(ctrState(t, id) == "", "task ls: %q after task rm", ctrState(t, id))
	t.ctrOK("containers", "rm", id)
}

// ctrState is the state that `ctr task ls` shows for a task, or "".
func ctrState(t *T, id string) string {
	for l := range strings.Lines(t.ctrOK("task", "ls")) {
		if f := strings.Fields(l); len(f) == 3 && f[0] == id {
			return f[2]
		}
	}
	return ""
}

// ctrLayerFolders: a spec that names its layers itself needs neither image nor snapshotter.
func ctrLayerFolders(t *T) {
	id := t.ID()
	t.ctrScrap(id)
	folders := t.layerFolders(id + "-layer")
	spec := specs.Spec{
		Version: "1.1.0",
		Root:    &specs.Root{},
		Process: &specs.Process{Cwd: `C:\`, Args: app("type", `C:\both.txt`, "--", "exit", "6")},
		Windows: &specs.Windows{LayerFolders: folders},
	}
	b, err := json.Marshal(spec)
	t.Must(err, "spec")
	file := filepath.Join(os.TempDir(), id+".json")
	t.Must(os.WriteFile(file, b, 0o644), "write the spec")
	defer os.Remove(file)
	s := t.ctr("run", "--rm", "--runtime", t.o.runtime, "--config", file, id)
	t.Want(s.code == 6 && lines(s.out) == "app", "exit %d, stdout %q, stderr %q", s.code, clip(s.out), clip(s.err))
}

// layerFolders has the snapshotter make a writable layer over the image: parents nearest first, then the scratch.
func (t *T) layerFolders(key string) []string {
	ids, err := t.image.RootFS(t.Ctx)
	t.Must(err, "layers of the image")
	sn := t.client.SnapshotService(t.o.snapshotter)
	// No container refers to it, so without the label it is garbage to containerd.
	root := snapshots.WithLabels(map[string]string{"containerd.io/gc.root": time.Now().UTC().Format(time.RFC3339)})
	mounts, err := sn.Prepare(t.Ctx, key, identity.ChainID(ids).String(), root)
	t.Must(err, "prepare a snapshot")
	t.Later(func(ctx context.Context) error { return sn.Remove(ctx, key) })
	t.Want(len(mounts) == 1, "%d mounts", len(mounts))
	return append(parents(t, mounts[0]), mounts[0].Source)
}

func parents(t *T, m mount.Mount) []string {
	for _, o := range m.Options {
		if v, ok := strings.CutPrefix(o, "parentLayerPaths="); ok {
			var p []string
			t.Must(json.Unmarshal([]byte(v), &p), "parents %s", v)
			return p
		}
	}
	t.Fail("no parents in %s", fmt.Sprint(m))
	return nil
}

// ctrInspect: what the -info command says comes through containerd's introspection. containerd 1.7 has no such call.
func ctrInspect(t *T) {
	if strings.HasPrefix(strings.TrimPrefix(t.version(), "v"), "1.") {
		_, err := t.client.RuntimeInfo(t.Ctx, t.o.runtime, nil)
		t.Want(errdefs.IsNotImplemented(err), "containerd %s: %v", t.version(), err)
		return
	}
	var info struct {
		Name     string
		Version  struct{ Version, Revision string }
		Features struct {
			OCIVersionMin, OCIVersionMax string
			MountOptions                 []string
			Annotations                  []string `json:"potentiallyUnsafeConfigAnnotations"`
		}
	}
	out := t.ctrAsks("plugins", "inspect-runtime", "--runtime", t.o.runtime)
	t.Must(json.Unmarshal([]byte(out), &info), "the answer %s", out)
	t.Want(info.Name == t.o.runtime && info.Version.Version != "", "name %q, version %q, want %s and some", info.Name, info.Version.Version, t.o.runtime)
	f := info.Features
	t.Want(f.OCIVersionMin != "" && f.OCIVersionMax != "" && slices.Contains(f.MountOptions, "ro") && len(f.Annotations) > 0, "features: %+v", f)
}
