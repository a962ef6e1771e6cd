package task

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// FuzzResolve feeds specs of any shape. A plan must give a document; a refusal must be of a kind that clients can act on and name
// what it is about.
func FuzzResolve(f *testing.F) {
	inputs, _ := filepath.Glob(filepath.Join(goldenDir, "*", "input.json"))
	for _, path := range inputs {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var g golden
		if json.Unmarshal(b, &g) != nil {
			return
		}
		p, err := Resolve("web", &g.Spec, g.Options, g.Rootfs, goldenFacts)
		if err != nil {
			if !errdefs.IsInvalidArgument(err) && !errdefs.IsNotImplemented(err) && !errdefs.IsPermissionDenied(err) {
				t.Errorf("%v: of no kind", err)
			}
			if !strings.HasPrefix(err.Error(), "spec: ") {
				t.Errorf("%v: no stage", err)
			}
			return
		}
		if p.kind() == &record {
			if p.Network.Namespace == "" {
				t.Error("a sandbox without a namespace")
			}
			return // it has no compute system, and so no document
		}
		doc := Document(p, goldenHeld(p))
		if _, err := json.Marshal(doc); err != nil {
			t.Error(err)
		}
		if c := doc.Container; len(c.Storage.Layers) == 0 || c.Processor == nil || len(c.RegistryChanges.AddValues) == 0 {
			t.Errorf("incomplete document %+v", c)
		}
		if p.Init.CommandLine == "" {
			t.Error("no command line")
		}
	})
}
