package winhost

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// view is the file system of one container as Wine can show it: mounts, and the merged volume over the host's Windows directory.
type view struct {
	volume  string  // host directory of the merged volume
	mounts  []mount // longest container path first
	windows string  // the host's Windows directory, as the container names it too
}

type mount struct {
	container, host string
	readOnly        bool
}

func newView(root string, c sim.Container) view {
	v := view{volume: hostPath(root, c.Volume), windows: cleanPath(os.Getenv("SystemRoot"))}
	for _, m := range c.Mounts {
		v.mounts = append(v.mounts, mount{cleanPath(m.ContainerPath), hostPath(root, m.HostPath), m.ReadOnly})
	}
	slices.SortStableFunc(v.mounts, func(a, b mount) int { return len(b.container) - len(a.container) })
	return v
}

// cleanPath is a container path from its drive on, with one kind of slash, none at the end but a root's, and no dots.
func cleanPath(p string) string { return absPath(`C:\`, p) }

// absPath is cleanPath of a path that may be relative to cwd, itself clean. Names that are not a drive's stay as they are.
func absPath(cwd, p string) string {
	p = strings.TrimPrefix(strings.ReplaceAll(p, "/", `\`), `\\?\`)
	drive, rest := cwd[:2], p
	switch {
	case strings.HasPrefix(p, `\\`):
		return p
	case len(p) >= 2 && p[1] == ':':
		if drive, rest = strings.ToUpper(p[:2]), p[2:]; !strings.HasPrefix(rest, `\`) && strings.EqualFold(drive, cwd[:2]) {
			rest = cwd[2:] + `\` + rest
		}
	case !strings.HasPrefix(p, `\`):
		rest = cwd[2:] + `\` + p
	}
	var parts []string
	for part := range strings.SplitSeq(rest, `\`) {
		switch {
		case part == "" || part == ".":
		case part != "..":
			parts = append(parts, part)
		case len(parts) > 0:
			parts = parts[:len(parts)-1]
		}
	}
	return drive + `\` + strings.Join(parts, `\`)
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
	for _, h := range v.places(p) {
		if info, err := os.Stat(h); err == nil {
			return h, info, true
		}
	}
	return "", nil, false
}

// places are the host paths that a clean container path may have. A mount hides what the volume has below it.
func (v view) places(p string) []string {
	for _, m := range v.mounts {
		if rest, ok := within(p, m.container); ok {
			return []string{onHost(m.host, rest)}
		}
	}
	var at []string
	rest, drive := within(p, `C:\`)
	if drive && !strings.EqualFold(p, v.windows+`\System32\cmd.exe`) { // the image's own would not run on Wine
		at = append(at, onHost(v.volume, rest))
	}
	if rest, ok := within(p, v.windows); ok {
		at = append(at, onHost(v.windows, rest)) // stands for the base image's
	}
	return at
}

func onHost(dir, rest string) string {
	return filepath.Join(dir, strings.ReplaceAll(rest, `\`, string(filepath.Separator)))
}

// directory is the working directory of a process: where it is on the host, and its name in the container.
func (v view) directory(p string) (host, name string, err error) {
	name = cleanPath(p)
	h, info, ok := v.find(name)
	if !ok || !info.IsDir() {
		return "", "", &hcs.Error{Op: "CreateProcess", ID: p, Code: hcs.ErrInvalidDirectory}
	}
	return h, name, nil
}

// program finds the executable: the application that the parameters name, or what their command line begins with, in the order of
// CreateProcess: working directory, system directories, PATH. ".exe" is added to a name without extension. A command line without
// quotes may mean any of its beginnings that ends before a blank; the shortest that is a program counts.
func (v view) program(p *schema.ProcessParameters, cwd string) (string, error) {
	names := firstArguments(p.CommandLine)
	if p.ApplicationName != "" {
		names = []string{p.ApplicationName}
	}
	for _, name := range names {
		for _, at := range v.candidates(name, cwd, variable(p.Environment, "PATH")) {
			if h, info, ok := v.find(at); ok && !info.IsDir() {
				return h, nil
			}
		}
	}
	return "", &hcs.Error{Op: "CreateProcess", ID: names[0], Code: hcs.ErrFileNotFound}
}

// candidates are the container paths that a program's name may mean.
func (v view) candidates(name, cwd, path string) []string {
	names := []string{name}
	base := name[strings.LastIndexAny(name, `\/`)+1:]
	if !strings.Contains(base, ".") {
		names = []string{name + ".exe", name}
	}
	dirs := []string{cwd}
	if !strings.ContainsAny(name, `\/:`) {
		dirs = append(dirs, v.windows+`\System32`, v.windows)
		dirs = append(dirs, strings.Split(path, ";")...)
	}
	var out []string
	for _, d := range dirs {
		if d == "" {
			continue
		}
		for _, n := range names {
			out = append(out, absPath(cleanPath(d), n))
		}
	}
	return out
}

// firstArguments are what a command line may have as its program: what a pair of quotes holds, or else its beginnings.
func firstArguments(line string) []string {
	line = strings.Trim(line, " \t")
	if strings.HasPrefix(line, `"`) {
		name, _, _ := strings.Cut(line[1:], `"`)
		return []string{name}
	}
	var out []string
	for i := 0; i < len(line); i++ {
		if (line[i] == ' ' || line[i] == '\t') && line[i-1] != ' ' && line[i-1] != '\t' {
			out = append(out, line[:i])
		}
	}
	return append(out, line)
}
