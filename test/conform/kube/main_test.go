//go:build linux

package main

import (
	"io"
	"strings"
	"testing"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/script"
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

// reportOf makes a run: "a b !c" passes a and b and fails c.
func reportOf(class, s string) script.Report {
	r := script.Report{Runtime: class}
	for _, w := range strings.Fields(s) {
		name, bad := strings.CutPrefix(w, "!")
		x := script.Result{Name: name, OK: !bad}
		if bad {
			x.Reason = "because"
		}
		r.Results = append(r.Results, x)
	}
	return r
}

func TestTableRules(t *testing.T) {
	for _, c := range []struct {
		what, ours, sandbox, peer, control string
		notes                              map[string]script.Note
		broken                             string // part of the one rule that breaks, or empty
	}{
		{"all well", "a b", "a b", "a b", "!a !b", nil, ""},
		{"ours fails", "a !b", "a b", "a b", "!a !b", nil, "b fails with hcs: because"},
		{"ours fails in the other way", "a b", "a !b", "a b", "!a !b", nil, "b fails with hcs-sandbox: because"},
		{"peer fails with a note", "a b", "a b", "a !b", "!a !b", map[string]script.Note{"b": {Text: "B1"}}, ""},
		{"peer fails without", "a b", "a b", "a !b", "!a !b", nil, "b fails on the peer without a note: because"},
		{"stale note", "a b", "a b", "a b", "!a !b", map[string]script.Note{"b": {Text: "B1"}}, "b has a note"},
		{"matter of timing", "a b", "a b", "a b", "!a !b", map[string]script.Note{"b": {Text: "B1", Sometimes: true}}, ""},
		{"control passes", "a b", "a b", "a b", "a !b", nil, "a passes on the control"},
		{"a column has less", "a b", "a", "", "!a", map[string]script.Note{"b": {Text: "B1"}}, ""},
		{"nothing ran", "", "", "", "", nil, "no case was run"},
	} {
		broken := table([]script.Report{
			reportOf("hcs", c.ours), reportOf("hcs-sandbox", c.sandbox), reportOf("runhcs", c.peer), reportOf("control", c.control),
		}, c.notes, io.Discard)
		switch {
		case c.broken == "" && len(broken) > 0:
			t.Errorf("%s: %q", c.what, broken)
		case c.broken != "" && (len(broken) != 1 || !strings.Contains(broken[0], c.broken)):
			t.Errorf("%s: got %q, want one with %q", c.what, broken, c.broken)
		}
	}
}

func TestTableRows(t *testing.T) {
	var b strings.Builder
	table([]script.Report{reportOf("hcs", "first second"), reportOf("runhcs", "!second")}, map[string]script.Note{"second": {Text: "cuts output"}}, &b)
	const want = `case    hcs    runhcs  note
first   ok     -
second  ok     FAIL    peer defect: cuts output
passed  2/2    0/1
`
	if got := trimLines(b.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func trimLines(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
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
