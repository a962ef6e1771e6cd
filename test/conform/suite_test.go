package main

import (
	"strings"
	"testing"
)

// Names are what results, notes and -run go by.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range allCases() {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		if c.Run == nil || strings.ToLower(c.Name) == strings.ToUpper(c.Name) || strings.Contains(c.Name, " ") || strings.Count(c.Name, "/") != 1 {
			t.Errorf("case %q", c.Name)
		}
		if len(c.Name) > 60 { // ids are made of it, and a containerd id has at most 76 characters
			t.Errorf("case %q has too long a name", c.Name)
		}
	}
	if last := allCases()[len(seen)-1].Name; last != "end/nothing-left-behind" {
		t.Errorf("the last case is %s", last)
	}
	for n, x := range peerNotes {
		if !seen[n] || x.Text == "" {
			t.Errorf("note %q: %+v", n, x)
		}
	}
}
