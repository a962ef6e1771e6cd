//go:build linux

package main

import (
	"strings"
	"testing"
)

// Names are what results, notes and -run go by.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	short := 0
	for _, c := range allCases() {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		if c.Run == nil || strings.ToLower(c.Name) != c.Name || strings.Contains(c.Name, " ") || strings.Count(c.Name, "/") != 1 {
			t.Errorf("case %+v", c)
		}
		if c.Short {
			short++
		}
	}
	if short == 0 || short == len(seen) {
		t.Errorf("%d of %d cases are in the short form", short, len(seen))
	}
	for name := range peerNotes {
		if !seen[name] {
			t.Errorf("a note for %s, which is no case", name)
		}
	}
}
