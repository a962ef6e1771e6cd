package annotation

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestReadmeTable keeps the README's table equal to the parser's.
func TestReadmeTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| annotation | value | meaning |\n|---|---|---|\n")
	for _, e := range Table {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Key, e.Type, e.Doc)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), b.String()) {
		t.Errorf("README.md does not have this table:\n%s", b.String())
	}
}

func TestBadValuesNameTheKey(t *testing.T) {
	for key, bad := range map[string][]string{
		HostProcess: {"", "yes", "2"}, MemoryMB: {"", "0", "-1", "abc", "1.5"}, CPUCount: {"0", "-1", "4294967296"},
		CPUMaximum: {"0", "10001"}, CPUWeight: {"0", "10001"}, Iops: {"0", "2147483648"}, Bandwidth: {"x"},
		DumpLocation: {""}, DumpType: {"", "huge"}, DumpCount: {"0"}, CRIContainerType: {"pod"}, CRISandboxID: {""},
		Signals: {"", "unix"}, StopScope: {"", "tree"}, Descendants: {"", "kill"}, Endpoints: {"web", ",", "11111111-2222-3333-4444-555555555555,", "11111111-2222-3333-4444-555555555555,11111111-2222-3333-4444-555555555555"},
	} {
		for _, v := range bad {
			_, err := Parse(map[string]string{key: v})
			if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s=%q: %v", key, v, err)
			}
		}
	}
}

func TestEveryKeySetsSomething(t *testing.T) {
	good := map[string]string{DumpType: "mini", DumpLocation: `C:\d`, CRIContainerType: "sandbox", CRISandboxID: "pod", Signals: "linux", StopScope: "container", Descendants: "keep", Endpoints: "11111111-2222-3333-4444-555555555555"}
	for _, e := range Table {
		value := good[e.Key]
		if value == "" {
			value = "1" // a number and a boolean
		}
		if e.Type == "duration" {
			value = "1s"
		}
		var v Values
		if err := e.set(&v, value); err != nil {
			t.Errorf("%s=%s: %v", e.Key, value, err)
		}
		if v == (Values{}) {
			t.Errorf("%s=%s sets nothing", e.Key, value)
		}
	}
}
