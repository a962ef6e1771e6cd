package task

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/storage"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden is the input of one case: what the create request and the host say.
type golden struct {
	Spec    specs.Spec
	Options Options
	Rootfs  []storage.Mount
}

const goldenDir = "../test/golden"

var goldenFacts = hcs.Facts{Build: 20348, Revision: 2700, Processors: 4, Groups: []int{4}, MemoryMB: 8192, Owner: "containerd-shim-hcs-v1.exe"}

// TestGolden turns every test/golden/<case>/input.json into documents, and compares them with the case's document.json, or the error
// with error.txt.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob(filepath.Join(goldenDir, "*", "input.json"))
	if err != nil || len(inputs) == 0 {
		t.Fatal("no golden cases", err)
	}
	for _, input := range inputs {
		dir := filepath.Dir(input)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			b, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			d := json.NewDecoder(bytes.NewReader(b))
			d.DisallowUnknownFields()
			if err := d.Decode(&g); err != nil {
				t.Fatal(err)
			}
			p, err := Resolve("web", &g.Spec, g.Options, g.Rootfs, goldenFacts)
			if err != nil {
				compare(t, filepath.Join(dir, "error.txt"), []byte(err.Error()+"\n"))
				return
			}
			show := struct {
				System   *schema.ComputeSystem  // null: a record
				Affinity []schema.GroupAffinity `json:",omitempty"`
				Process  schema.ProcessParameters
			}{Affinity: p.Limits.Affinity, Process: p.Init}
			if p.kind() != &record {
				show.System = Document(p, goldenHeld(p))
			}
			out, err := json.MarshalIndent(show, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join(dir, "document.json"), append(out, '\n'))
		})
	}
}

// goldenHeld is what the rooms would have acquired.
func goldenHeld(p Plan) Held {
	h := Held{Namespace: p.Network.Namespace}
	if h.Namespace == "" && !p.Network.None {
		h.Namespace = "11111111-2222-3333-4444-555555555555"
	}
	if h.Storage.Volume = p.Storage.Volume; h.Storage.Volume == "" {
		h.Storage.Volume = `\\?\Volume{0a1b2c3d-1111-2222-3333-444455556666}\`
	}
	for _, l := range p.Storage.Parents {
		h.Storage.Layers = append(h.Storage.Layers, schema.Layer{ID: "id of " + l, Path: l})
	}
	h.Storage.Directories = p.Storage.Directories
	return h
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *rewrite {
		for _, other := range []string{"error.txt", "document.json"} {
			_ = os.Remove(filepath.Join(filepath.Dir(path), other))
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; got:\n%s", err, got)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (-rewrite to accept); got:\n%s", path, got)
	}
}
