//go:build linux

package main

import (
	"strings"
	"testing"

	"containerd-shim-hcs/test/conform/node"
)

// Names are what results, notes, -run and namespaces go by.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	cases := allCases(options{})
	short := 0
	for _, c := range cases {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		if c.Run == nil || strings.ToLower(c.Name) != c.Name || strings.Contains(c.Name, " ") || strings.Count(c.Name, "/") != 1 || c.Limit == 0 {
			t.Errorf("case %q", c.Name)
		}
		if len(c.Name) > 48 { // a namespace has 63, with the run's id and a number
			t.Errorf("case %q has too long a name", c.Name)
		}
		if c.Short {
			short++
		}
	}
	if last := cases[len(cases)-1].Name; last != "end/nothing-left-behind" {
		t.Errorf("the last case is %s", last)
	}
	if short == 0 || short == len(cases) {
		t.Errorf("%d of %d cases are in the short form", short, len(cases))
	}
	for n, x := range peerNotes {
		if !seen[n] || x.Text == "" {
			t.Errorf("note %q: %+v", n, x)
		}
	}
}

func TestProbeTime(t *testing.T) {
	for _, c := range allCases(options{probeTime: 7e9}) {
		if c.Name == probesCase && c.Limit != 5*60e9+7e9 {
			t.Errorf("limit %v", c.Limit)
		}
	}
}

func TestJudge(t *testing.T) {
	g := func(handles, memory int64) []node.Gauge {
		return []node.Gauge{{Name: "handles", N: handles, Slack: 8}, {Name: "memory", N: memory, Slack: 100}}
	}
	before := map[uint32][]node.Gauge{1: g(100, 1000), 2: g(100, 1000)}
	for want, after := range map[string]map[uint32][]node.Gauge{
		"":                                 {1: g(108, 1100), 2: g(10, 10)},
		"shim 1: handles from 100 to 200":  {1: g(200, 1000), 2: g(100, 1000)},
		"shim 2: memory from 1000 to 1101": {1: g(100, 1000), 2: g(100, 1101)},
		"shim 2 has ended":                 {1: g(100, 1000)},
		"shim 3 has come":                  {1: g(100, 1000), 2: g(100, 1000), 3: g(1, 1)},
	} {
		if got := strings.Join(judge(before, after), "; "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if lines := told(before); len(lines) != 2 || !strings.Contains(lines[0], "200 in 2 shims, at most 100 in one") {
		t.Errorf("told %q", lines)
	}
}

func TestAmounts(t *testing.T) {
	a := amounts("cpu=500m memory=64Mi")
	if a.Cpu().MilliValue() != 500 || a.Memory().Value() != 64<<20 || len(a) != 2 {
		t.Errorf("%v", a)
	}
}
