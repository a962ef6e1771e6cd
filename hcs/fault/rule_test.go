package fault

import (
	"strings"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]Rule{
		"HcsStartComputeSystem id=web* fail 0x80370105 skip=1 times=2": {Call: "HcsStartComputeSystem", ID: "web*", Kind: Fail, Code: hcs.ErrInvalidState, Skip: 1, Times: 2},
		"ActivateLayer delay 2s":                     {Call: "ActivateLayer", Delay: 2 * time.Second},
		"ActivateLayer delay 2s fail 0x80070015":     {Call: "ActivateLayer", Delay: 2 * time.Second, Kind: Fail, Code: hcs.ErrNotReady},
		"HcsCreateComputeSystem lose":                {Call: "HcsCreateComputeSystem", Kind: Lose, Code: hcs.ErrOperationTimeout},
		"HcsCreateComputeSystem lose 0x8037011e":     {Call: "HcsCreateComputeSystem", Kind: Lose, Code: hcs.ErrServiceDisconnect},
		"HcsCreateComputeSystem lose id=a":           {Call: "HcsCreateComputeSystem", ID: "a", Kind: Lose, Code: hcs.ErrOperationTimeout},
		"* hang times=1":                             {Call: "*", Kind: Hang, Times: 1},
		"  ProcessExited   drop-event   id=web ":     {Call: ProcessExited, ID: "web", Kind: DropEvent},
		"HcsCreateComputeSystem fail 0xC037010F":     {Call: "HcsCreateComputeSystem", Kind: Fail, Code: hcs.ErrSystemAlreadyExists},
		`PrepareLayer id=*\snap\3 fail 2147942405`:   {Call: "PrepareLayer", ID: `*\snap\3`, Kind: Fail, Code: hcs.ErrAccessDenied},
		"SystemExited drop-event skip=0 times=1":     {Call: SystemExited, Kind: DropEvent, Times: 1},
		"HcsSignalProcess delay 1m30s hang id=?shim": {Call: "HcsSignalProcess", ID: "?shim", Delay: 90 * time.Second, Kind: Hang},
	} {
		got, err := Parse(line)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", line, got, err, want)
			continue
		}
		again, err := Parse(got.String())
		if err != nil || again != got {
			t.Errorf("%q printed as %q, which is %+v, %v", line, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"":                                        "no call",
		"HcsStart fail 0x80370105":                "no call HcsStart",
		"ActivateLayer":                           "no action",
		"ActivateLayer id=x":                      "no action",
		"ActivateLayer fail":                      "not the HRESULT",
		"ActivateLayer fail 0":                    "not the HRESULT",
		"ActivateLayer fail 0x105":                "not the HRESULT",
		"ActivateLayer fail id=x":                 "not the HRESULT",
		"ActivateLayer fail 0x80070005 hang":      "second action",
		"ActivateLayer hang hang":                 "second action",
		"ActivateLayer delay":                     "duration",
		"ActivateLayer delay 0s":                  "not positive",
		"ActivateLayer delay -1s":                 "not positive",
		"ActivateLayer hang skip=-1":              "at least 0",
		"ActivateLayer hang times=0":              "at least 1",
		"ActivateLayer hang times=1 times=2":      "second times",
		"ActivateLayer hang id=":                  "not understood",
		"ActivateLayer hang forever":              "not understood",
		"ActivateLayer drop-event":                "drop-event goes with",
		"* drop-event":                            "drop-event goes with",
		"ProcessExited hang":                      "drop-event goes with",
		"ProcessExited delay 1s drop-event":       "cannot be delayed",
		"ActivateLayer lose 0x80070005 0x8007000": "not understood",
	} {
		if r, err := Parse(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want an error about %q", line, r, err, want)
		}
	}
}

func TestParseAll(t *testing.T) {
	rules, err := ParseAll("# slow disks\n\n  ActivateLayer delay 2s\r\nPrepareLayer hang\n")
	if err != nil || len(rules) != 2 || rules[0].Call != "ActivateLayer" || rules[1].Kind != Hang {
		t.Errorf("%+v, %v", rules, err)
	}
	if _, err := ParseAll("ActivateLayer hang\nnonsense\n"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("bad line: %v", err)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"web", "web", true}, {"web", "web1", false}, {"web*", "web", true}, {"web*", "web/x\\y", true}, {"*3", `C:\snap\3`, true},
		{"*3", `C:\snap\34`, false}, {"w?b", "web", true}, {"w?b", "wb", false}, {"*", "", true}, {"a*b*c", "a1b2b3c", true},
		{"a*b*c", "a1b2b3", false}, {"", "", true}, {"", "x", false}, {`*\snap\*`, `c:\snap\1`, true}, {"[a]", "a", false}, {"[a]", "[a]", true},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %t", c.pattern, c.text, got)
		}
	}
}

func TestMatch(t *testing.T) {
	var s Set
	if a := s.Match("ActivateLayer", "x"); a.Rule != "" {
		t.Errorf("an empty set wants %+v", a)
	}
	rules, err := ParseAll("ActivateLayer id=A* fail 0x80070015 skip=1 times=2\nActivateLayer fail 0x80070005 times=1\n* fail 0x80370105")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Add(rules...); n != 3 {
		t.Errorf("%d rules", n)
	}
	for i, want := range []hcs.Code{hcs.ErrAccessDenied, hcs.ErrNotReady, hcs.ErrNotReady, hcs.ErrInvalidState} {
		if a := s.Match("ActivateLayer", "abc"); a.Code != want {
			t.Errorf("call %d: %+v, want code %v", i, a, want)
		}
	}
	if a := s.Match(ProcessExited, "abc"); a.Rule != "" {
		t.Errorf("* took an event: %+v", a)
	}
	s.Clear()
	if a := s.Match("ActivateLayer", "abc"); a.Rule != "" || len(s.Rules()) != 0 {
		t.Errorf("a cleared set wants %+v and has %v", a, s.Rules())
	}
}
