package main

import (
	"strings"
	"testing"
)

// Names are what results, notes and -run go by.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	cases := allCases()
	for _, c := range cases {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		if c.Run == nil || strings.ToLower(c.Name) != c.Name || strings.Contains(c.Name, " ") || strings.Count(c.Name, "/") != 1 {
			t.Errorf("case %q", c.Name)
		}
		if len(c.Name) > 50 { // names of containers are made of it
			t.Errorf("case %q has too long a name", c.Name)
		}
	}
	if last := cases[len(cases)-1].Name; last != "end/nothing-left-behind" {
		t.Errorf("the last case is %s", last)
	}
	for n, x := range peerNotes {
		if !seen[n] || x.Text == "" {
			t.Errorf("note %q: %+v", n, x)
		}
	}
}

func TestLog(t *testing.T) {
	list, err := parseLog("2016-10-06T00:17:09.669794202Z stdout P a b\n2016-10-06T00:17:09.669794203Z stdout F c\n" +
		"2016-10-06T00:17:09.669794204Z stderr F \n2016-10-06T00:17:09.669794205Z stdout F not whole")
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	if out, bad := join(list, "stdout"), join(list, "stderr"); out != "a bc\n" || bad != "\n" {
		t.Errorf("stdout %q, stderr %q", out, bad)
	}
	if list[0].full || !list[1].full || !list[1].at.After(list[0].at) {
		t.Errorf("entries %v", list)
	}
	for _, bad := range []string{"x\n", "yesterday stdout F x\n", "2016-10-06T00:17:09Z stdin F x\n", "2016-10-06T00:17:09Z stdout Q x\n", "2016-10-06T00:17:09Z stdout F\n"} {
		if _, err := parseLog(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestExitCode(t *testing.T) {
	for text, want := range map[string]int{
		`{"metadata":{},"status":"Success"}`: 0,
		`{"status":"Failure","message":"command terminated","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"6"}]}}`: 6,
	} {
		if got, err := exitCodeOf(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, bad := range []string{``, `{"status":"Failure","message":"no such container","reason":"InternalError"}`} {
		if code, err := exitCodeOf(bad); err == nil {
			t.Errorf("%q: code %d", bad, code)
		}
	}
}
