package main

import (
	"slices"
	"testing"
)

func TestMissing(t *testing.T) {
	set := map[string]any{"a": "x", "t": map[string]any{"list": []any{"1"}, "typo": true}}
	dump := map[string]any{"a": "y", "b": "z", "t": map[string]any{"list": []any{"1"}}}
	bad := missing("", set, dump)
	slices.Sort(bad)
	if want := []string{"/a: containerd has y, not x", "/t/typo: containerd does not know it"}; !slices.Equal(bad, want) {
		t.Errorf("%q", bad)
	}
	if bad := missing("", dump, dump); len(bad) > 0 {
		t.Errorf("%q", bad)
	}
}
