package main

import (
	"bytes"
	"strings"
	"testing"
)

func runArgs(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	err = run(append([]string{`containerd-shim-hcs-v1.exe`}, args...), strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), err
}

func TestMissingFlags(t *testing.T) {
	all := []string{"-namespace", "n", "-address", "a", "-publish-binary", "p", "-id", "i"}
	for i, want := range []string{"namespace", "address", "publish-binary", "id"} {
		_, _, err := runArgs(append(all[:2*i:2*i], "start")...)
		if err == nil || err.Error() != want+" is required" {
			t.Errorf("with %q: %v", all[:2*i], err)
		}
	}
	if _, _, err := runArgs(append(all[:8:8], "delete")...); err == nil || err.Error() != "bundle is required" {
		t.Error(err)
	}
	if _, _, err := runArgs(append(all[:8:8], "dance")...); err == nil || !strings.Contains(err.Error(), "dance") {
		t.Error(err)
	}
	if _, _, err := runArgs(append(all[:8:8], "start", "-debug")...); err == nil {
		t.Error("a flag after the command is taken for nothing")
	}
	for _, args := range [][]string{{"stacks"}, {"-namespace", "n", "stacks"}, {"-id", "i", "stacks"}} {
		if _, _, err := runArgs(args...); err == nil || err.Error() != "namespace and id are required" {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, _, err := runArgs("-nonsense"); err == nil {
		t.Error("an unknown flag is accepted")
	}
}

func TestTextsGoToStandardOutputAlone(t *testing.T) {
	for args, want := range map[string]string{
		"-v": "commit:", "--version": "spec:", "-h": "NAME:", "--help": "USAGE:", "-namespace n -address a -publish-binary p -id i": "NAME:",
	} {
		out, errs, err := runArgs(strings.Fields(args)...)
		if err != nil || errs != "" || !strings.Contains(out, want) {
			t.Errorf("%s: %q, %q, %v", args, out, errs, err)
		}
	}
	out, errs, err := runArgs("-info")
	if err != nil || errs != "" || !strings.Contains(out, "io.containerd.hcs.v1") {
		t.Errorf("-info: %q, %q, %v", out, errs, err)
	}
}

func TestRuntimeName(t *testing.T) {
	for exe, want := range map[string]string{
		"containerd-shim-hcs-v1": "io.containerd.hcs.v1", "containerd-shim-runhcs-v1": "io.containerd.runhcs.v1",
	} {
		if got := runtimeName(exe); got != want {
			t.Errorf("%s is %s", exe, got)
		}
	}
}

func TestParallel(t *testing.T) {
	for s, want := range map[string]int{"": 4, "1": 1, "64": 64} {
		if n, err := parallel(s); err != nil || n != want {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	for _, s := range []string{"0", "65", "-1", "four", " 4"} {
		if _, err := parallel(s); err == nil || !strings.Contains(err.Error(), parallelVar) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
