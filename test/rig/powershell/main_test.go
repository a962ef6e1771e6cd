package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		os.Symlink("file", filepath.Join(dir, "link")),
		os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, kind, target string }{
		{"file", "", ""}, {".", "", ""}, {"link", "SymbolicLink", "file"}, {"dangling", "SymbolicLink", filepath.Join(dir, "none")},
	} {
		env := func(name string) string { return map[string]string{"linkpath": filepath.Join(dir, c.name)}[name] }
		for command, want := range map[string]string{askType: c.kind, askTarget: c.target} {
			var out bytes.Buffer
			if err := run([]string{"/c", command}, env, &out); err != nil || out.String() != want+"\n" {
				t.Errorf("%s of %s: %q, %v; want %q", command, c.name, &out, err, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		args []string
		path string
		want string
	}{
		{[]string{"/c", askType}, missing, "Cannot find path '" + missing + "'"},
		{[]string{"/c", askTarget}, missing, "Cannot find path '" + missing + "'"},
		{[]string{"/c", askType}, "", "empty string"},
		{[]string{"/c", "Get-Disk"}, "x", "Get-Disk"},
		{[]string{"-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", "Get-WinEvent", "-ListProvider", "x"}, "x", "Get-WinEvent -ListProvider x"},
		{[]string{"-File", "x.ps1"}, "x", "-File"},
		{[]string{"script.ps1"}, "x", "script.ps1"},
		{[]string{"-Command"}, "x", "-Command"},
		{nil, "x", "not interactive"},
	} {
		var out bytes.Buffer
		err := run(c.args, func(string) string { return c.path }, &out)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%q: %q, %v; want an error with %q", c.args, &out, err, c.want)
		}
	}
}
