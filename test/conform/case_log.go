package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/test/rig/winapp/burst"
)

var logCases = []Case{
	{Name: "logs/file-gets-everything", Run: func(t *T) { fileTakes(t, logBytes) }},
	{Name: "logs/program-gets-everything", Run: func(t *T) { programTakes("binary")(t, logBytes) }},
	{Name: "logs/program-that-says-it-is-ready", Run: func(t *T) { programTakes("binary-v2")(t, logBytes) }},
	{Name: "logs/program-of-an-exec", Run: logExec},
	{Name: "logs/program-that-fails-is-named", Run: logFails},
	{Name: "logs/program-that-is-never-ready", Run: logNever},
}

// logBound is for a logging program to write its last line and end.
const logBound = 10 * time.Second

// logBytes are written to a log at once.
const logBytes = 4 << 20

// logged waits until a log file ends with last, and returns what comes before.
func (t *T) logged(file, last string) []byte {
	var b []byte
	for end := time.Now().Add(logBound); ; time.Sleep(50 * time.Millisecond) {
		var err error
		if b, err = os.ReadFile(file); err == nil && bytes.HasSuffix(b, []byte(last)) {
			return bytes.TrimSuffix(b, []byte(last))
		}
		if time.Now().After(end) {
			t.Fail("%s: %d bytes (%v), they do not end with %q", file, len(b), err, last)
		}
	}
}

// logDir is a directory of the host for logs.
func (t *T) logDir() string {
	dir, err := os.MkdirTemp("", "conform-log")
	t.Must(err, "directory for logs")
	t.Later(func(context.Context) error { return os.RemoveAll(dir) })
	return dir
}

func uriOf(scheme, path string, args ...string) string {
	return scheme + ":///" + filepath.ToSlash(path) + strings.Join(args, "")
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// loggerURI names winapp.exe beside this program as a logging program.
func (t *T) loggerURI(scheme, args string) string {
	self, err := os.Executable()
	t.Must(err, "own path")
	return uriOf(scheme, filepath.Join(filepath.Dir(self), "winapp.exe"), "?", args)
}

// logExec: each exec has a program of its own.
func logExec(t *T) {
	dir := t.logDir()
	b := t.host()
	for _, name := range []string{"one", "two"} {
		file := filepath.Join(dir, name)
		p := b.exec(streams{log: t.loggerURI("binary", "logger="+filepath.ToSlash(file))}, app("print", name, "--", "exit", "3"))
		p.start()
		t.Want(p.exited().ExitCode() == 3, "exit code of %s", name)
		got := t.logged(file, "end of "+t.o.namespace+"/"+p.id+"\n")
		t.Want(string(bytes.TrimSpace(got)) == name, "the program of %s got %q", name, got)
	}
}

// logFails: a program that ends, or is not there, is a reason not to create a task.
func logFails(t *T) {
	for what, uri := range map[string]string{
		"winapp.exe":  t.loggerURI("binary", "exit=9"),
		"nothing.exe": uriOf("binary", `C:\no\nothing.exe`),
	} {
		err := t.container(app("print", "x")).tryCreate(streams{log: uri})
		t.Want(err != nil && strings.Contains(err.Error(), what), "create with %s: %v", uri, err)
	}
	good := t.run("print", "works", "--", "exit", "2")
	good.expect(2, "works", "")
}

func logNever(t *T) {
	began := time.Now()
	err := t.container(app("print", "x")).tryCreate(streams{log: t.loggerURI("binary", "sleep=60s")})
	t.Want(err != nil && time.Since(began) < 30*time.Second, "after %v: %v", time.Since(began), err)
	t.Want(errdefs.IsDeadlineExceeded(err) || strings.Contains(fmt.Sprint(err), "timeout"), "the reason is %v", err)
}

// longCases write outputs of every size to every destination.
func longCases() []Case {
	var cases []Case
	for _, to := range []struct {
		name string
		run  func(t *T, n int)
	}{
		{"pipe", func(t *T, n int) { t.run(burstOf(n)...).bursts(n, 5) }},
		{"slow-pipe", func(t *T, n int) { t.runWith(streams{pause: 3 * time.Second}, app(burstOf(n)...)).bursts(n, 5) }},
		{"file", fileTakes},
		{"program", programTakes("binary")},
		{"program-v2", programTakes("binary-v2")},
		{"nothing", func(t *T, n int) { t.exits(t.runWith(streams{none: true}, app(burstOf(n)...))) }},
	} {
		for _, n := range []int{1, 4095, 4096, 65537, 1 << 20, 256 << 20} {
			cases = append(cases, Case{Name: fmt.Sprintf("long/%d-bytes-to-%s", n, to.name), Run: func(t *T) { to.run(t, n) }, Limit: 10 * time.Minute})
		}
	}
	return cases
}

// burstOf is a program that writes n bytes and ends at once, with 5.
func burstOf(n int) []string { return []string{"burst", fmt.Sprint(n), "exit", "5"} }

func (t *T) exits(b *Box) {
	t.Want(b.exited().ExitCode() == 5, "exit code")
	b.remove()
}

func fileTakes(t *T, n int) {
	file := filepath.Join(t.logDir(), "new", "x.log")
	b := t.runWith(streams{log: uriOf("file", file)}, app(burstOf(n)...))
	t.exits(b)
	got, err := os.ReadFile(file)
	t.Must(err, "log")
	t.Want(sum(got) == burst.Sum(int64(n)), "%d bytes in the file, want those %d that were written", len(got), n)
}

func programTakes(scheme string) func(t *T, n int) {
	return func(t *T, n int) {
		file := filepath.Join(t.logDir(), "x.log")
		b := t.runWith(streams{log: t.loggerURI(scheme, "logger="+filepath.ToSlash(file))},
			app(append([]string{"err", "from stderr", "--"}, burstOf(n)...)...))
		t.exits(b)
		got := t.logged(file, "from stderr\nend of "+t.o.namespace+"/"+b.id+"\n")
		t.Want(sum(got) == burst.Sum(int64(n)), "%d bytes reached the program, want those %d that were written", len(got), n)
	}
}
