package winetest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim"
	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/computecore"
	"containerd-shim-hcs/hcs/layer"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/test/rig/wire"
)

const bound = 30 * time.Second

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// sim asks the simulator over a connection of its own.
func sim(t *testing.T, name string, args ...string) []string {
	t.Helper()
	return simAll(t, append([]string{name}, args...))
}

// simAll is the same for requests that use each other's handles; the last one's answer is returned.
func simAll(t *testing.T, requests ...[]string) []string {
	t.Helper()
	address, err := os.ReadFile(`C:\hcssim\address`)
	if err != nil {
		t.Fatal("this test wants the rig: ", err)
	}
	conn, err := net.DialTimeout("tcp", strings.TrimSpace(string(address)), 5*time.Second)
	if err != nil {
		t.Fatal("this test wants the rig: ", err)
	}
	defer conn.Close()
	var answer []string
	for i, words := range append([][]string{{"Hello", "winetest", strconv.Itoa(os.Getpid())}}, requests...) {
		id := uint32(i + 1)
		if err := wire.Write(conn, wire.Frame{ID: id, Fields: words}); err != nil {
			t.Fatal(err)
		}
		for {
			f, err := wire.Read(conn)
			if err != nil {
				t.Fatal(words[0], err)
			}
			if f.ID != id {
				continue // an event
			}
			if f.Code != 0 {
				t.Fatalf("%s: 0x%08x %q", words[0], f.Code, f.Fields)
			}
			answer = f.Fields
			break
		}
	}
	return answer
}

// fault sets one rule until the test ends.
func fault(t *testing.T, rule string) {
	t.Helper()
	sim(t, "SimFault", rule)
	t.Cleanup(func() { sim(t, "SimFault", "") })
}

// root is a mounted root file system of two layers: the upper says what "upper.txt" holds, the lower has the program.
type root struct {
	layers  hcs.Layers
	scratch string
	parents []string
	volume  string
}

const programPath = `C:\prog.exe`

func newRoot(t *testing.T) *root {
	t.Helper()
	dir := t.TempDir()
	base, upper := filepath.Join(dir, "base"), filepath.Join(dir, "upper")
	r := &root{layers: layer.New(), scratch: filepath.Join(dir, "scratch"), parents: []string{upper, base}}
	for _, d := range []string{filepath.Join(base, "Files"), filepath.Join(upper, "Files"), r.scratch} {
		must(t, os.MkdirAll(d, 0o777))
	}
	exe, err := os.Executable()
	must(t, err)
	copyFile(t, exe, filepath.Join(base, "Files", "prog.exe"))
	must(t, os.WriteFile(filepath.Join(upper, "Files", "upper.txt"), []byte("from the upper layer"), 0o666))
	must(t, hcsshim.ProcessBaseLayer(base))

	ctx := within(t, bound)
	must(t, r.layers.CreateScratch(ctx, r.scratch, r.parents))
	must(t, r.layers.Activate(ctx, r.scratch))
	t.Cleanup(func() { must(t, r.layers.Deactivate(context.Background(), r.scratch)) })
	must(t, r.layers.Prepare(ctx, r.scratch, r.parents))
	t.Cleanup(func() { must(t, r.layers.Unprepare(context.Background(), r.scratch)) })
	r.volume, err = r.layers.MountPath(ctx, r.scratch)
	must(t, err)
	return r
}

// document describes a container on the root.
func (r *root) document(t *testing.T) *schema.ComputeSystem {
	t.Helper()
	d := &schema.ComputeSystem{
		Owner: "winetest", SchemaVersion: schema.Version{Major: 2, Minor: 1}, ShouldTerminateOnLastHandleClosed: true,
		Container: &schema.Container{GuestOS: &schema.GuestOS{HostName: "winetest"}, Storage: &schema.Storage{Path: r.volume + `\`}},
	}
	for _, p := range r.parents {
		id, err := r.layers.ID(within(t, bound), p)
		must(t, err)
		d.Container.Storage.Layers = append(d.Container.Storage.Layers, schema.Layer{ID: id, Path: p})
	}
	return d
}

// running makes and starts a system of the test's name; it is terminated and closed, and seen to be gone, when the test ends.
func running(t *testing.T) hcs.System {
	t.Helper()
	s := created(t)
	must(t, s.Start(within(t, bound)))
	return s
}

func created(t *testing.T) hcs.System {
	t.Helper()
	id := name(t)
	s, err := computecore.New().Create(within(t, bound), id, newRoot(t).document(t))
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		if err := s.Terminate(ctx); err != nil && !errdefs.IsNotFound(err) {
			t.Error(err)
		}
		select {
		case <-s.Exited():
		case <-ctx.Done():
			t.Error(id, "did not exit")
		}
		must(t, s.Close())
		gone(t, id)
	})
	return s
}

func name(t *testing.T) string { return strings.ReplaceAll(t.Name(), "/", "-") }

// gone waits until no system has the id.
func gone(t *testing.T, id string) {
	t.Helper()
	for end := time.Now().Add(bound); ; time.Sleep(20 * time.Millisecond) {
		s, err := computecore.New().Open(context.Background(), id)
		if errdefs.IsNotFound(err) {
			return
		}
		if err == nil {
			_ = s.Close()
		}
		if time.Now().After(end) {
			t.Fatal(id, "is still there", err)
		}
	}
}

// params runs the program in a mode, with its output streams.
func params(mode string) *schema.ProcessParameters {
	return &schema.ProcessParameters{
		CommandLine: programPath, WorkingDirectory: `C:\`, Environment: map[string]string{modeEnv: mode, "SystemRoot": `C:\windows`},
		CreateStdOutPipe: true, CreateStdErrPipe: true,
	}
}

func run(t *testing.T, s hcs.System, p *schema.ProcessParameters) hcs.Process {
	t.Helper()
	proc, err := s.Run(within(t, bound), p)
	must(t, err)
	t.Cleanup(func() {
		for _, c := range []io.Closer{proc.Stdin(), proc.Stdout(), proc.Stderr(), proc} {
			if c != nil {
				must(t, c.Close())
			}
		}
	})
	return proc
}

// expect reads the text that must come next, so the program is known to be there.
func expect(t *testing.T, r io.Reader, text string) {
	t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != text {
		t.Fatalf("%q, %v; want %q", b, err, text)
	}
}

func exitOf(t *testing.T, p hcs.Process) uint32 {
	t.Helper()
	select {
	case x, ok := <-p.Exited():
		if !ok || x.Err != nil {
			t.Fatal(x, ok)
		}
		if y, ok := <-p.Exited(); ok {
			t.Fatal("a second exit", y)
		}
		return x.Code
	case <-time.After(bound):
		t.Fatal("did not exit")
	}
	return 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	must(t, err)
	defer in.Close()
	out, err := os.Create(to)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, out.Close())
}

// state is what exists at the simulator.
func state(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	m := map[string]json.RawMessage{}
	must(t, json.Unmarshal([]byte(sim(t, "SimState")[0]), &m))
	return m
}
