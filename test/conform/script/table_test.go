package script

import (
	"io"
	"strings"
	"testing"
)

// reportOf makes a run: "a b !c" passes a and b and fails c.
func reportOf(class, s string) Report {
	r := Report{Runtime: class}
	for _, w := range strings.Fields(s) {
		name, bad := strings.CutPrefix(w, "!")
		x := Result{Name: name, OK: !bad}
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
		notes                              map[string]Note
		broken                             string // part of the one rule that breaks, or empty
	}{
		{"all well", "a b", "a b", "a b", "!a !b", nil, ""},
		{"ours fails", "a !b", "a b", "a b", "!a !b", nil, "b fails with hcs: because"},
		{"ours fails in the other way", "a b", "a !b", "a b", "!a !b", nil, "b fails with hcs-sandbox: because"},
		{"peer fails with a note", "a b", "a b", "a !b", "!a !b", map[string]Note{"b": {Text: "B1"}}, ""},
		{"peer fails without", "a b", "a b", "a !b", "!a !b", nil, "b fails on the peer without a note: because"},
		{"stale note", "a b", "a b", "a b", "!a !b", map[string]Note{"b": {Text: "B1"}}, "b has a note"},
		{"matter of timing", "a b", "a b", "a b", "!a !b", map[string]Note{"b": {Text: "B1", Sometimes: true}}, ""},
		{"control passes", "a b", "a b", "a b", "a !b", nil, "a passes on the control"},
		{"a column has less", "a b", "a", "a b", "!a !b", nil, "b was not run in column hcs-sandbox"},
		{"nothing ran", "", "", "", "", nil, "no case was run"},
	} {
		broken := table([]Report{
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
	table([]Report{reportOf("io.containerd.hcs.v1", "first second"), reportOf("runhcs", "first !second"), reportOf("io.containerd.control.v1", "!first !second")}, map[string]Note{"second": {Text: "cuts output"}}, &b)
	const want = `case    hcs    runhcs  control  note
first   ok     ok      FAIL
second  ok     FAIL    FAIL     peer defect: cuts output
passed  2/2    1/2     0/2
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
