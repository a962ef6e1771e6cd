package winhost

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

func TestAbsPath(t *testing.T) {
	for _, c := range []struct{ cwd, p, want string }{
		{`C:\`, ``, `C:\`},
		{`C:\`, `c:/a//b\`, `C:\a\b`},
		{`C:\x`, `\a`, `C:\a`},
		{`C:\x`, `a\.\b\..\c`, `C:\x\a\c`},
		{`C:\x`, `..\..\..\a`, `C:\a`},
		{`C:\x`, `C:a`, `C:\x\a`},
		{`C:\x`, `D:a`, `D:\a`},
		{`C:\x`, `\\?\C:\a`, `C:\a`},
		{`C:\x`, `\\server\share`, `\\server\share`},
		{`C:\x`, `.`, `C:\x`},
	} {
		if got := absPath(c.cwd, c.p); got != c.want {
			t.Errorf("absPath(%q, %q) = %q, want %q", c.cwd, c.p, got, c.want)
		}
	}
}

func TestHostPath(t *testing.T) {
	for p, want := range map[string]string{
		`\\?\Volume{00000000-0000-0000-0000-000000000043}\data\x`: `C:\data\x`,
		`\\?\Volume{00000000-0000-0000-0000-00000000005a}\`:       `Z:\`,
		`\\?\volume` + volumeGUID + `\`:                           `C:\hcssim\volumes\` + volumeGUID,
		`\\?\Volume` + volumeGUID + `\a/b`:                        `C:\hcssim\volumes\` + volumeGUID + `\a\b`,
		`\\?\C:\x`:                                                `C:\x`,
		`C:/x/y`:                                                  `C:\x\y`,
	} {
		if got := hostPath(`C:\hcssim`, p); got != want {
			t.Errorf("hostPath(%q) = %q, want %q", p, got, want)
		}
	}
}

func TestFirstArguments(t *testing.T) {
	for line, want := range map[string][]string{
		`winapp print`:             {"winapp", "winapp print"},
		`  a  b `:                  {"a", "a  b"},
		`"C:\Program Files\a" b`:   {`C:\Program Files\a`},
		`"unclosed a b`:            {"unclosed a b"},
		`C:\Program Files\a.exe b`: {`C:\Program`, `C:\Program Files\a.exe`, `C:\Program Files\a.exe b`},
		``:                         {""},
	} {
		if got := firstArguments(line); !slices.Equal(got, want) {
			t.Errorf("firstArguments(%q) = %q, want %q", line, got, want)
		}
	}
}

// container is a view over directories of the test: a volume, a mount of C:\mnt and a Windows directory of the host.
func container(t *testing.T) (view, string) {
	dir := t.TempDir()
	tree(t, dir, "volume/app/winapp.exe=v", "volume/app/tool.exe=v", "volume/tools/tool.exe=t", "volume/tools/noext=n",
		"volume/Program Files/My App/app.exe=p", "volume/mnt/hidden.exe=h", "volume/Windows/System32/cmd.exe=real", "volume/Windows/System32/own.exe=o",
		"mount/m.exe=m", "mount/sub/", "windows/System32/cmd.exe=wine", "windows/System32/ping.exe=wine", "windows/System32/own.exe=wine", "elsewhere/x.exe=x")
	v := view{volume: filepath.Join(dir, "volume"), windows: `C:\Windows`, mounts: []mount{{container: `C:\mnt`, host: filepath.Join(dir, "mount")}}}
	return v, dir
}

// short is a host path relative to the test's directory.
func short(dir, host string) string {
	if rel, err := filepath.Rel(dir, host); err == nil {
		return filepath.ToSlash(rel)
	}
	return host
}

func TestProgram(t *testing.T) {
	v, dir := container(t)
	for _, c := range []struct{ app, line, cwd, path, want string }{
		{"", `C:\app\winapp.exe print`, `C:\`, "", "volume/app/winapp.exe"},
		{"", `c:/app/winapp print`, `C:\`, "", "volume/app/winapp.exe"},
		{"", `\app\winapp.exe`, `C:\`, "", "volume/app/winapp.exe"},
		{"", `app\winapp`, `C:\`, "", "volume/app/winapp.exe"},
		{"", `.\winapp.exe`, `C:\app`, "", "volume/app/winapp.exe"},
		{"", `winapp print`, `C:\app`, "", "volume/app/winapp.exe"},
		{"", `tool`, `C:\`, `C:\tools;C:\app`, "volume/tools/tool.exe"},
		{"", `tool`, `C:\app`, `C:\tools`, "volume/app/tool.exe"},
		{"", `noext`, `C:\`, `;C:\tools`, "volume/tools/noext"},
		{"", `own.exe`, `C:\`, "", "volume/Windows/System32/own.exe"},
		{"", `C:\Program Files\My App\app.exe a b`, `C:\`, "", "volume/Program Files/My App/app.exe"},
		{"", `"C:\Program Files\My App\app" a`, `C:\`, "", "volume/Program Files/My App/app.exe"},
		{"", `C:\mnt\m.exe`, `C:\`, "", "mount/m.exe"},
		{"", `m`, `C:\mnt`, "", "mount/m.exe"},
		{`C:\app\winapp.exe`, `anything print`, `C:\`, "", "volume/app/winapp.exe"},
		{"", `C:\mnt\hidden.exe`, `C:\`, "", ""},  // the mount hides it
		{"", `tool`, `C:\`, "", ""},               // in no directory that is looked in
		{"", `C:\app`, `C:\`, "", ""},             // a directory
		{"", `"winapp print"`, `C:\app`, "", ""},  // quotes make it one name
		{"", `..\elsewhere\x.exe`, `C:\`, "", ""}, // nothing is above the drive
	} {
		p := &schema.ProcessParameters{ApplicationName: c.app, CommandLine: c.line, Environment: map[string]string{"Path": c.path}}
		got, err := v.program(p, c.cwd)
		if c.want == "" {
			if hcs.CodeOf(err) != hcs.ErrFileNotFound {
				t.Errorf("%+v: got %q, %v, want ErrFileNotFound", c, got, err)
			}
			continue
		}
		if err != nil || short(dir, got) != c.want {
			t.Errorf("%+v: got %q, %v", c, short(dir, got), err)
		}
	}
}

// What only the host's Windows directory has is found there, after the container's own; cmd.exe always.
func TestPlacesInWindows(t *testing.T) {
	v := view{volume: `V:`, windows: `C:\Windows`}
	for p, want := range map[string]int{
		`C:\Windows\System32\ping.exe`: 2,
		`C:\windows\system32\CMD.EXE`:  1,
		`C:\app\x.exe`:                 1,
		`D:\x`:                         0,
	} {
		if got := v.places(p); len(got) != want || (want > 1 && !strings.HasPrefix(got[0], "V:")) {
			t.Errorf("places(%q) = %q, want %d", p, got, want)
		}
	}
}

func TestDirectory(t *testing.T) {
	v, dir := container(t)
	for p, want := range map[string][2]string{
		``:               {"volume", `C:\`},
		`c:/app/`:        {"volume/app", `C:\app`},
		`C:\mnt\sub`:     {"mount/sub", `C:\mnt\sub`},
		`C:\app\..\app`:  {"volume/app", `C:\app`},
		`C:\nope`:        {},
		`C:\app\winapp.`: {},
		`D:\`:            {},
	} {
		host, name, err := v.directory(p)
		if want[1] == "" {
			if hcs.CodeOf(err) != hcs.ErrInvalidDirectory {
				t.Errorf("%q: got %q, %v, want ErrInvalidDirectory", p, host, err)
			}
			continue
		}
		if err != nil || short(dir, host) != want[0] || name != want[1] {
			t.Errorf("%q: got %q %q, %v", p, host, name, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SystemRoot", `C:\windows`)
	t.Setenv("PATH", "host path")
	t.Setenv("SECRET_OF_THE_HOST", "x")
	v := view{volume: `C:\v`, mounts: []mount{{`C:\m`, `D:\data`, true}, {`C:\n`, `C:\y`, false}}}
	c := sim.Container{HostName: "box", Address: netip.MustParseAddr("127.64.0.2"), Pipes: []schema.MappedPipe{{ContainerPipeName: "p", HostPath: `\\.\pipe\q`}}}
	p := &schema.ProcessParameters{User: "ContainerUser", EmulateConsole: true, ConsoleSize: []uint16{25, 80},
		Environment: map[string]string{"Path": `C:\app`, "A": "b", "EMPTY": "", "hcssim_root": "mine", "hcssim_address": "127.0.0.9",
			"computername": "mine"}}
	env := v.environment(c, p, `C:\app`)
	for _, want := range []string{`SystemRoot=C:\windows`, `Path=C:\app`, "A=b", "COMPUTERNAME=box", "USERNAME=ContainerUser", "LINES=25", "COLUMNS=80",
		`HCSSIM_ROOT=C:\v`, `HCSSIM_CWD=C:\app`, `HCSSIM_MOUNTS=-C:\m>D:\data|C:\n>C:\y`, `HCSSIM_PIPES=p>\\.\pipe\q`,
		"HCSSIM_ADDRESS=127.64.0.2", "HCSSIM_HOSTNAME=box"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
	names := map[string]bool{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if up := strings.ToUpper(name); names[up] || value == "" || up == "SECRET_OF_THE_HOST" {
			t.Errorf("unexpected %s", e)
		}
		names[strings.ToUpper(name)] = true
	}
	p.EmulateConsole = false
	if env := v.environment(c, p, `C:\`); slices.Contains(env, "LINES=25") {
		t.Error("a size without a console")
	}
	for _, e := range v.environment(sim.Container{Address: netip.MustParseAddr("fd00::2")}, p, `C:\`) {
		if strings.HasPrefix(strings.ToUpper(e), "HCSSIM_ADDRESS=") || strings.HasPrefix(e, "HCSSIM_HOSTNAME=") {
			t.Errorf("%s of a container without one of IPv4", e)
		}
	}
}

func TestUsers(t *testing.T) {
	for name, known := range map[string]bool{"": true, "ContainerUser": true, `User Manager\ContainerAdministrator`: true, `NT AUTHORITY\SYSTEM`: true,
		`BUILTIN\Users`: true, "nobody": false, `DOMAIN\ContainerUser`: false, "builtin": false} {
		if knownUser(name) != known {
			t.Errorf("%q: known is %v", name, !known)
		}
	}
	if userName(`NT AUTHORITY\SYSTEM`) != "SYSTEM" || userName("") != "ContainerAdministrator" {
		t.Error("user name")
	}
}
