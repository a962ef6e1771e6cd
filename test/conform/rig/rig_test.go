//go:build linux

package rig

import (
	"errors"
	"strings"
	"testing"

	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/test/conform/node"
)

func TestFootprints(t *testing.T) {
	f, err := parseFootprints(`{"PID":5,"Gauges":[{"Name":"handles","N":7,"Slack":8}]}` + "\r\n\n" + `{"PID":6,"Gauges":[{"Name":"handles","N":9}]}` + "\n")
	if err != nil || len(f) != 2 || f[5][0] != (node.Gauge{Name: "handles", N: 7, Slack: 8}) || f[6][0].N != 9 {
		t.Errorf("%v, %v", f, err)
	}
	for _, bad := range []string{"x", "{}", `{"PID":5}`} {
		if _, err := parseFootprints(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestRunsProgram(t *testing.T) {
	for line, want := range map[string]bool{
		"C:\\rig\\containerd-shim-hcs-v1.exe\x00-namespace\x00k8s.io\x00":        true,
		"\"C:\\rig\\Containerd-shim-hcs-v1.exe\"\x00-id\x00":                     true,
		"/usr/lib/wine/wine64\x00C:\\rig\\containerd-shim-hcs-v1.exe\x00-id\x00": true,
		"C:\\rig\\containerd-shim-runhcs-v1.exe\x00-id\x00":                      false,
		"cat\x00of\x00containerd-shim-hcs-v1.exe\x00":                            false,
		"": false,
	} {
		if got := runsProgram([]byte(line), "containerd-shim-hcs-v1.exe"); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestHolding(t *testing.T) {
	dir := t.TempDir()
	for _, id := range []string{"holds", "ended"} {
		l, err := ledger.Open(dir, "k8s.io", id)
		if err == nil {
			err = l.Claim(ledger.Entry{Kind: ledger.System, ID: id})
		}
		if err == nil && id == "ended" {
			err = errors.Join(l.Released(ledger.Entry{Kind: ledger.System, ID: id}), l.Ended(ledger.Exit{Code: 7}))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := holding(dir); err != nil || len(got) != 1 || !strings.Contains(got[0], "holds") {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := holding(dir + "/none"); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}
