package annotation

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestSandbox(t *testing.T) {
	for name, c := range map[string]struct {
		kind, sandbox string // of the container "web"; "-" for not given
		want, names   string // the sandbox, or what the error must name
	}{
		"no pod":                     {"-", "-", "", ""},
		"sandbox":                    {"sandbox", "web", "web", ""},
		"member":                     {"container", "pod", "pod", ""},
		"member of itself":           {"container", "web", "", CRISandboxID},
		"sandbox of another pod":     {"sandbox", "pod", "", CRISandboxID},
		"unknown type":               {"podsandbox", "web", "", CRIContainerType},
		"type in another case":       {"Sandbox", "web", "", CRIContainerType},
		"empty type":                 {"", "web", "", CRIContainerType},
		"empty sandbox":              {"container", "", "", CRISandboxID},
		"type only":                  {"container", "-", "", CRISandboxID},
		"sandbox only":               {"-", "pod", "", CRIContainerType},
		"ids differ in case":         {"container", "Web", "Web", ""},
		"sandbox differs in case":    {"sandbox", "Web", "", CRISandboxID},
		"sandbox of an odd name":     {"container", `a/b "c"`, `a/b "c"`, ""},
		"sandbox of a padded name":   {"sandbox", " web", "", CRISandboxID},
		"container of a padded name": {"container", " web", " web", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := map[string]string{HostProcess: "not read here"}
			if c.kind != "-" {
				a[CRIContainerType] = c.kind
			}
			if c.sandbox != "-" {
				a[CRISandboxID] = c.sandbox
			}
			got, err := Sandbox("web", a)
			if c.names == "" && (err != nil || got != c.want) {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
			if c.names != "" && (!errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), c.names)) {
				t.Errorf("%q, %v, want an error that names %s", got, err, c.names)
			}
		})
	}
}
