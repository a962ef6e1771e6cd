package task

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
)

// Process turns an OCI process into HCS parameters; the streams are decided when it starts. where names the process in errors.
func Process(where string, p *specs.Process) (schema.ProcessParameters, error) {
	out := schema.ProcessParameters{
		User:             p.User.Username,
		WorkingDirectory: p.Cwd,
		CommandLine:      p.CommandLine,
		EmulateConsole:   p.Terminal,
	}
	if out.CommandLine == "" {
		if len(p.Args) == 0 || p.Args[0] == "" {
			return out, fmt.Errorf("%s.args: no command: %w", where, errdefs.ErrInvalidArgument)
		}
		out.CommandLine = commandLine(p.Args)
	}
	if i := strings.IndexByte(out.CommandLine, 0); i >= 0 {
		return out, fmt.Errorf("%s: the command line has a NUL byte at %d: %w", where, i, errdefs.ErrInvalidArgument)
	}
	var err error
	if out.Environment, err = environment(where, p.Env); err != nil {
		return out, err
	}
	if p.Terminal && p.ConsoleSize != nil {
		w, h := p.ConsoleSize.Width, p.ConsoleSize.Height
		if w > 0xffff || h > 0xffff {
			return out, fmt.Errorf("%s.consoleSize: %dx%d is too large: %w", where, w, h, errdefs.ErrInvalidArgument)
		}
		if w > 0 && h > 0 {
			out.ConsoleSize = []uint16{uint16(h), uint16(w)}
		}
	}
	return out, nil
}

// environment maps NAME=value entries; names are case-insensitive, the last one wins.
func environment(where string, env []string) (map[string]string, error) {
	if len(env) == 0 {
		return nil, nil
	}
	names := map[string]string{} // folded to as written
	out := map[string]string{}
	for i, e := range env {
		// A name may begin with "=": cmd.exe keeps a drive's directory in =C:.
		j := strings.IndexByte(e, '=')
		if j == 0 {
			if j = strings.IndexByte(e[1:], '=') + 1; j == 0 {
				j = -1
			}
		}
		if j <= 0 || strings.IndexByte(e, 0) >= 0 {
			return nil, fmt.Errorf("%s.env[%d]: %q is not NAME=value: %w", where, i, e, errdefs.ErrInvalidArgument)
		}
		name, value := e[:j], e[j+1:]
		folded := strings.ToUpper(name)
		if old, ok := names[folded]; ok {
			delete(out, old)
		}
		names[folded] = name
		// Quirk: Windows has no variable with an empty value; setting one unsets it (SetEnvironmentVariable).
		if value != "" {
			out[name] = value
		}
	}
	return out, nil
}

// commandLine joins arguments so that CommandLineToArgvW, and the C runtime, take them apart as they were.
func commandLine(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		quote(&b, a)
	}
	return b.String()
}

// quote writes one argument. Backslashes are literal unless they precede a quote, where each counts half.
func quote(b *strings.Builder, arg string) {
	if arg != "" && !strings.ContainsAny(arg, " \t\n\v\"") {
		b.WriteString(arg)
		return
	}
	b.WriteByte('"')
	slashes := 0
	for i := range len(arg) {
		switch arg[i] {
		case '\\':
			slashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteByte(arg[i])
	}
	b.WriteString(strings.Repeat(`\`, slashes))
	b.WriteByte('"')
}
