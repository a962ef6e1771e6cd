//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildScript runs the script that builds the programs of a cluster, with another `go`, and returns its directory.
func buildScript(t *testing.T, cache, goProgram string, args ...string) (dir, progress string, code int) {
	t.Helper()
	cmd := exec.Command("../tools/kubernetes/build.sh", args...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache, "GO="+goProgram)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n"), errs.String(), cmd.ProcessState.ExitCode()
}

// The compiler in these tests writes down how it is called and makes the file that is asked for, or fails when it comes to one.
const compiler = `#!/bin/sh
echo "CGO_ENABLED=$CGO_ENABLED GOOS=$GOOS GOARCH=$GOARCH $*" >>CALLS
while [ "$1" != -o ]; do shift; done
echo half >"$2"
case $2 in *REFUSED.new) exit 1 ;; esac
chmod +x "$2"
`

func TestKubernetesIsBuiltOnce(t *testing.T) {
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	fake := func(refused string) string {
		path := filepath.Join(dir, "go")
		text := strings.NewReplacer("CALLS", calls, "REFUSED", refused).Replace(compiler)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	called := func() []string {
		b, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(b)), "\n")
	}
	programs := append([]string{"kubelet.exe", "kubectl", "agnhost.exe"}, controlPlane...)

	where, _, code := buildScript(t, dir, "false", "-n")
	if code != 1 || !strings.HasPrefix(where, filepath.Join(dir, "containerd-shim-hcs", "kubernetes-v1.34.")) {
		t.Errorf("with nothing there: %q, exit code %d", where, code)
	}
	if _, err := os.Stat(where); err == nil {
		t.Errorf("-n has made %s", where)
	}

	// One that fails is not there, and those before it stay.
	_, progress, code := buildScript(t, dir, fake("kubelet.exe"))
	if code == 0 || !strings.Contains(progress, "kubelet.exe v1.34.") {
		t.Errorf("exit code %d:\n%s", code, progress)
	}
	if _, err := os.Stat(filepath.Join(where, "kubelet.exe")); err == nil {
		t.Error("half a kubelet.exe is there")
	}
	failed := len(called())

	out, progress, code := buildScript(t, dir, fake("none"))
	if code != 0 || out != where {
		t.Errorf("%q, exit code %d, want %q:\n%s", out, code, where, progress)
	}
	for _, name := range programs {
		if _, err := exec.LookPath(filepath.Join(where, name)); err != nil {
			t.Error(err)
		}
	}
	if n := len(called()) - failed; n != len(programs)-failed+1 {
		t.Errorf("%d are built after %d, of %d", n, failed-1, len(programs))
	}
	for _, call := range called() {
		want := "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 build -trimpath "
		if strings.Contains(call, ".exe.new ") {
			want = strings.Replace(want, "linux", "windows", 1)
		}
		if !strings.HasPrefix(call, want) || !strings.Contains(call, "-X k8s.io/component-base/version.gitVersion=v1.34.") {
			t.Errorf("call %s", call)
		}
	}

	// With all there, nothing is compiled.
	for _, args := range [][]string{{"-n"}, nil} {
		if out, progress, code := buildScript(t, dir, "false", args...); code != 0 || out != where || progress != "" {
			t.Errorf("%q again: %q, exit code %d, %s", args, out, code, progress)
		}
	}
	if _, usage, code := buildScript(t, dir, "false", "-x"); code != 2 || !strings.Contains(usage, "usage: build.sh") {
		t.Errorf("another argument: exit code %d, %s", code, usage)
	}
}
