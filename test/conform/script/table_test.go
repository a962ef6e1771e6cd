package script

import (
	"io"
	"strings"
	"testing"
)

// report makes a run: "a b !c" passes a and b and fails c.
func report(s string) Report {
	var r Report
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
		what, ours, peer, control string
		notes                     map[string]Note
		broken                    string // part of the one rule that breaks, or empty
	}{
		{"all well", "a b", "a b", "!a !b", nil, ""},
		{"peer fails with a note", "a b", "a !b", "!a !b", map[string]Note{"b": {Text: "B1"}}, ""},
		{"peer fails without", "a b", "a !b", "!a !b", nil, "b fails on the peer without a note: because"},
		{"stale note", "a b", "a b", "!a !b", map[string]Note{"b": {Text: "B1"}}, "b has a note"},
		{"note for a matter of timing", "a b", "a b", "!a !b", map[string]Note{"b": {Text: "B1", Sometimes: true}}, ""},
		{"worse than the peer", "a !b", "a b", "!a !b", nil, "b passes on the peer and not on ours: because"},
		{"both fail", "a !b", "a !b", "!a !b", map[string]Note{"b": {Text: "B1"}}, ""},
		{"control passes", "a b", "a b", "a !b", nil, "a passes on the control"},
		{"peer did not run one", "a b", "a", "!a !b", nil, "b was not run in column peer"},
		{"ours did not run one", "a", "a !b", "!a !b", map[string]Note{"b": {Text: "B1"}}, "b was not run in column ours"},
		{"control did not run one", "a b", "a b", "!a", nil, "b was not run in column control"},
		{"note for no case", "a", "a", "!a", map[string]Note{"z": {Text: "B1"}}, "a note for z"},
		{"nothing ran", "", "", "", nil, "no case was run"},
	} {
		broken := table(report(c.ours), report(c.peer), report(c.control), c.notes, io.Discard)
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
	table(report("first second"), report("first !second"), report("!first !second"), map[string]Note{"second": {Text: "cuts output, §9.4"}}, &b)
	const want = `case    ours  peer  control  note
first   ok    ok    FAIL     
second  ok    FAIL  FAIL     peer defect: cuts output, §9.4
passed  2     1     0        of 2
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
