package winhost

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

// view is the file system of one container as Wine can show it: mounts over the merged volume over the host's Windows directory.
type view struct {
	root   string // of the service
	volume string // host directory of the merged volume
	mounts []mount
}

type mount struct {
	container, host string
	readOnly        bool
}

func newView(root string, c sim.Container) view {
	v := view{root: root, volume: hostPath(root, c.Volume)}
	for _, m := range c.Mounts {
		v.mounts = append(v.mounts, mount{cleanPath(m.ContainerPath), hostPath(root, m.HostPath), m.ReadOnly})
	}
	// The longest prefix wins.
	slices.SortStableFunc(v.mounts, func(a, b mount) int { return len(b.container) - len(a.container) })
	return v
}

// cleanPath is an absolute container path with one kind of slash and none at the end.
func cleanPath(p string) string {
	p = strings.ReplaceAll(p, "/", `\`)
	if strings.HasPrefix(p, `\`) && !strings.HasPrefix(p, `\\`) {
		p = "C:" + p
	}
	for len(p) > 3 && strings.HasSuffix(p, `\`) {
		p = p[:len(p)-1]
	}
	return p
}

// within takes the part of p below dir, both clean.
func within(p, dir string) (string, bool) {
	dir = strings.TrimSuffix(dir, `\`)
	if len(p) < len(dir) || !strings.EqualFold(p[:len(dir)], dir) {
		return "", false
	}
	rest := p[len(dir):]
	return strings.TrimPrefix(rest, `\`), rest == "" || rest[0] == '\\'
}

// find is where a container path is on the host; ok is false when it is nowhere.
func (v view) find(p string) (host string, info os.FileInfo, ok bool) {
	p = cleanPath(p)
	var at []string
	for _, m := range v.mounts {
		if rest, ok := within(p, m.container); ok {
			at = append(at, filepath.Join(m.host, rest))
			break
		}
	}
	if rest, ok := within(p, `C:\`); ok {
		at = append(at, filepath.Join(v.volume, rest))
	}
	if _, ok := within(p, os.Getenv("SystemRoot")); ok {
		at = append(at, p) // stands for the base image's
	}
	for _, h := range at {
		if info, err := os.Stat(h); err == nil {
			return h, info, true
		}
	}
	return "", nil, false
}

// directory is a working directory.
func (v view) directory(p string) (string, error) {
	if p == "" {
		p = `C:\`
	}
	h, info, ok := v.find(p)
	if !ok || !info.IsDir() {
		return "", &hcs.Error{Op: "CreateProcess", ID: p, Code: hcs.ErrInvalidDirectory}
	}
	return h, nil
}

// program finds the executable that a command line begins with, as CreateProcess does: in the working directory, then along PATH;
// ".exe" is added to a name without extension.
func (v view) program(commandLine, cwd, path string) (string, error) {
	name := firstArgument(commandLine)
	names := []string{name}
	if filepath.Ext(name) == "" {
		names = []string{name + ".exe", name}
	}
	var dirs []string
	if strings.ContainsAny(name, `\/:`) {
		dirs = []string{""}
		if !strings.Contains(name, ":") && !strings.HasPrefix(name, `\`) && !strings.HasPrefix(name, "/") {
			dirs = []string{cwd}
		}
	} else {
		dirs = append([]string{cwd, `C:\Windows\System32`, `C:\Windows`}, strings.Split(path, ";")...)
	}
	for _, d := range dirs {
		for _, n := range names {
			if d != "" {
				n = strings.TrimSuffix(d, `\`) + `\` + n
			}
			if h, info, ok := v.find(n); ok && !info.IsDir() {
				return h, nil
			}
		}
	}
	return "", &hcs.Error{Op: "CreateProcess", ID: name, Code: hcs.ErrFileNotFound}
}

// firstArgument is the program's name in a command line: up to a blank, or what a pair of quotes holds.
func firstArgument(line string) string {
	line = strings.TrimLeft(line, " \t")
	if strings.HasPrefix(line, `"`) {
		name, _, _ := strings.Cut(line[1:], `"`)
		return name
	}
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i]
	}
	return line
}

// environment is a process's: the container's own over a minimal system's, and what the hook DLL needs.
func (v view) environment(c sim.Container, own map[string]string, cwd string, size []uint16) []string {
	env := map[string]string{}
	set := func(name, value string) {
		for k := range env {
			if strings.EqualFold(k, name) {
				delete(env, k)
			}
		}
		env[name] = value
	}
	for _, name := range []string{"SystemRoot", "SystemDrive", "windir", "ComSpec", "PATH", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "ProgramData",
		"NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "WINEPREFIX", "WINEDLLOVERRIDES", "WINEDEBUG", "WINELOADERNOEXEC"} {
		if value := os.Getenv(name); value != "" {
			set(name, value)
		}
	}
	for name, value := range own {
		set(name, value)
	}
	if c.HostName != "" {
		set("COMPUTERNAME", c.HostName)
	}
	var mounts, pipes []string
	for _, m := range v.mounts {
		s := m.container + ">" + m.host
		if m.readOnly {
			s = "-" + s
		}
		mounts = append(mounts, s)
	}
	for _, p := range c.Pipes {
		pipes = append(pipes, p.ContainerPipeName+">"+p.HostPath)
	}
	set("HCSSIM_ROOT", v.volume)
	set("HCSSIM_CWD", cwd)
	set("HCSSIM_MOUNTS", strings.Join(mounts, "|"))
	set("HCSSIM_PIPES", strings.Join(pipes, "|"))
	if len(size) == 2 {
		set("LINES", strconv.Itoa(int(size[0])))
		set("COLUMNS", strconv.Itoa(int(size[1])))
	}
	var out []string
	for name, value := range env {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) })
	return out
}
