package node

import "testing"

func TestState(t *testing.T) {
	const text = `{"systems":[{"id":"a","container":{"Memory":{"SizeInMB":64}}}],"processes":[{"system":"a","ProcessId":5,"ImageName":"x.exe"}],
		"layers":[{"path":"C:\\l"}],"networks":[{"id":"w","by":"dockerd"},{"id":"nat"}],"namespaces":[{"id":"n","by":"shim"},{"id":"host"}],"endpoints":[],"mappings":[],"clients":[{}]}`
	h, err := parseState([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Minus(Holdings{}); got != `layer C:\l, namespace n, network w, process 5 x.exe of a, system a` {
		t.Errorf("holds %q", got)
	}
	if h.Containers["a"].Memory.SizeInMB != 64 {
		t.Errorf("container %+v", h.Containers["a"])
	}
	if got := h.Minus(h); got != "" {
		t.Errorf("minus itself: %q", got)
	}
	for _, bad := range []string{`[]`, `{}`, `{"systems":[],"processes":[],"layers":[],"namespaces":[],"endpoints":[]}`} {
		if _, err := parseState([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
