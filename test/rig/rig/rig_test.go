//go:build linux

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"containerd-shim-hcs/test/rig/wire"
)

func TestUpOptions(t *testing.T) {
	opt, err := upOptions([]string{"--shim", "a.exe", "--containerd=b.exe", "--peer", "c.exe"})
	if err != nil || opt != (Options{Shim: "a.exe", Containerd: "b.exe", Peer: "c.exe"}) {
		t.Errorf("%+v, %v", opt, err)
	}
	for _, bad := range [][]string{{"--shim"}, {"--unknown", "x"}, {"x"}} {
		if _, err := upOptions(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A record whose id belongs to another process by now must never end that one.
func TestEndSparesAnotherProcess(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p, err := processOf(cmd.Process.Pid)
	if err != nil || !p.alive() {
		t.Fatalf("%+v is not alive: %v", p, err)
	}
	earlier := process{Pid: p.Pid, Start: p.Start - 1}
	if earlier.alive() {
		t.Error("a process of another start time counts as this one")
	}
	if err := earlier.end(time.Second); err != nil || !p.alive() {
		t.Errorf("end of the other process: %v; this one alive: %v", err, p.alive())
	}
	if err := p.end(5 * time.Second); err != nil || p.alive() {
		t.Errorf("end: %v; alive: %v", err, p.alive())
	}
	<-exited
}

// Of a template, programs are shared and everything that may be written in place is not.
func TestCopyPrefix(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	files := map[string]bool{ // path → shared
		"drive_c/windows/system32/ntdll.dll":         true,
		"drive_c/windows/system32/drivers/etc/hosts": false,
		"drive_c/program.exe":                        false,
		"system.reg":                                 false,
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name := range files {
		path := filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../drive_c", filepath.Join(src, "c:")); err != nil {
		t.Fatal(err)
	}
	if err := copyPrefix(src, dst); err != nil {
		t.Fatal(err)
	}
	for name, shared := range files {
		a, err := os.Stat(filepath.Join(src, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.Stat(filepath.Join(dst, name))
		if err != nil {
			t.Fatal(err)
		}
		if os.SameFile(a, b) != shared || !a.ModTime().Equal(b.ModTime()) || a.Size() != b.Size() {
			t.Errorf("%s: shared %v, times %v and %v", name, os.SameFile(a, b), a.ModTime(), b.ModTime())
		}
	}
	if target, err := os.Readlink(filepath.Join(dst, "c:")); err != nil || target != "../drive_c" {
		t.Errorf("link to %q, %v", target, err)
	}
}

// Installing over a shared program leaves the template's alone.
func TestInstallReplaces(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"new": "new!", "template": "old"} {
		if err := os.WriteFile(path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(path("template"), path("dst")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if changed, err := install(path("new"), path("dst")); err != nil || changed != want {
			t.Errorf("changed %v, want %v (%v)", changed, want, err)
		}
	}
	for name, want := range map[string]string{"dst": "new!", "template": "old"} {
		if b, err := os.ReadFile(path(name)); err != nil || string(b) != want {
			t.Errorf("%s is %q (%v)", name, b, err)
		}
	}
}

func TestWipeSparesADirectoryThatIsNoInstance(t *testing.T) {
	in := &Instance{Dir: t.TempDir()}
	if err := os.Mkdir(in.path("prefix"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := in.Wipe(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(in.path("prefix")); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

// Programs finds a process by the prefix in its environment, and no other.
func TestProgramsOfThePrefix(t *testing.T) {
	in := &Instance{Dir: t.TempDir()}
	for _, prefix := range []string{in.path("prefix"), in.path("prefix2")} {
		cmd := exec.Command("sleep", "60")
		cmd.Env = []string{"WINEPREFIX=" + prefix}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = cmd.Process.Signal(syscall.SIGKILL)
			_ = cmd.Wait()
		}()
	}
	// Between fork and exec a child has its parent's environment.
	err := poll(5*time.Second, func() error {
		got, err := in.Programs()
		if err == nil && (len(got) != 1 || got[0] != "sleep 60") {
			err = os.ErrNotExist
		}
		return err
	})
	if got, _ := in.Programs(); err != nil {
		t.Errorf("programs: %q", got)
	}
}

// simulator answers each call of an instance with a fixed reply.
func simulator(t *testing.T, reply wire.Frame) *Instance {
	t.Helper()
	in := &Instance{Dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := os.MkdirAll(in.drive("hcssim"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in.drive("hcssim", "address"), []byte(l.Addr().String()+"\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for {
				f, err := wire.Read(conn)
				if err != nil {
					break
				}
				answer := wire.Frame{ID: f.ID}
				if f.Fields[0] != "Hello" {
					answer.Code, answer.Fields = reply.Code, reply.Fields
					_ = wire.Write(conn, wire.Frame{Fields: []string{"system", "1", "{}"}}) // an event in between
				}
				_ = wire.Write(conn, answer)
			}
			conn.Close()
		}
	}()
	return in
}

func TestLeft(t *testing.T) {
	for _, c := range []struct{ state, want string }{
		{`{"systems":[],"processes":[],"layers":[],"namespaces":[],"endpoints":[],"clients":[{"pid":1}]}`, ""},
		{`{"systems":[{"id":"c1"}],"processes":[],"layers":[],"namespaces":[],"endpoints":[]}`, "c1"},
		{`{"systems":[],"processes":[],"layers":null,"namespaces":["n1"],"endpoints":[]}`, "n1"},
		{`{"systems":[],"processes":[],"namespaces":[],"endpoints":[]}`, "layers"},
	} {
		err := simulator(t, wire.Frame{Fields: []string{c.state}}).Left()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %q", c.state, err, c.want)
		}
	}
}

func TestSimErrorHasCodeAndDocument(t *testing.T) {
	_, err := simulator(t, wire.Frame{Code: 0x8037010e, Fields: []string{"no such system"}}).Sim("SimState")
	if err == nil || !strings.Contains(err.Error(), "0x8037010e") || !strings.Contains(err.Error(), "no such system") {
		t.Errorf("error %v", err)
	}
}

func TestTaskEvents(t *testing.T) {
	log := `2026-01-02 03:04:05 +0000 UTC default /containers/create {"id":"c"}
2026-01-02 03:04:05 +0000 UTC default /tasks/exec-started {"container_id":"c","exec_id":"e","pid":5}
2026-01-02 03:04:05 +0000 UTC default /tasks/exit {"container_id":"other","id":"other"}
2026-01-02 03:04:05 +0000 UTC default /tasks/exit {"container_id":"c","id":"e","pid":5,"exit_status":3}
2026-01-02 03:04:05 +0000 UTC default /tasks/delete {"container_id":"c","pid":4}
`
	names, lines, err := taskEvents(log, "c")
	if got := strings.Join(names, ", "); err != nil || got != "exec-started e, exit e, delete c" || len(lines) != 3 {
		t.Errorf("%s; %q; %v", got, lines, err)
	}
	if _, _, err := taskEvents("x /tasks/exit {cut off", "c"); err == nil {
		t.Error("half an event is taken")
	}
}

func TestProgramOfACommandLine(t *testing.T) {
	for line, want := range map[string]string{
		`/usr/lib/wine/wine64 C:\rig\containerd.exe --config C:\rig\config.toml`:  "containerd.exe",
		`C:\rig\containerd-shim-hcs-v1.exe -publish-binary C:\rig\containerd.exe`: "containerd-shim-hcs-v1.exe",
		`containerd.exe`:             "containerd.exe",
		`/usr/lib/wine/wineserver64`: "",
	} {
		if got := programOf(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
