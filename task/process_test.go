package task

import (
	"strings"
	"testing"
)

// TestCommandLine takes command lines apart as Windows does (CommandLineToArgvW's documented rules) and compares.
func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{
		{"x"}, {"x", ""}, {"x", "a b"}, {"x", `a\`}, {"x", `a b\`}, {"x", `a\\b`}, {"x", `"`}, {"x", `\"`}, {"x", `a\\"b`},
		{"x", "tab\there"}, {"x", "new\nline"}, {"x", `C:\dir with space\`, "next"}, {"x", `\\server\share`}, {"x", `""`},
	} {
		line := commandLine(args)
		if got := splitWindows(line); strings.Join(got, "|") != strings.Join(args, "|") || len(got) != len(args) {
			t.Errorf("%q became %q and came back as %q", args, line, got)
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add("a", `b\" c`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			return
		}
		args := []string{"x", a, b}
		if got := splitWindows(commandLine(args)); len(got) != 3 || got[1] != a || got[2] != b {
			t.Errorf("%q came back as %q", args, got)
		}
	})
}

// splitWindows follows the rules for arguments after the program's name: 2n backslashes and a quote are n backslashes and a
// delimiter, 2n+1 are n backslashes and a quote, other backslashes are themselves.
func splitWindows(line string) []string {
	var out []string
	var arg []byte
	quoted, inArg, slashes := false, false, 0
	flush := func() {
		for range slashes {
			arg = append(arg, '\\')
		}
		slashes = 0
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			slashes++
			inArg = true
		case c == '"':
			n := slashes / 2
			odd := slashes%2 == 1
			slashes = n
			flush()
			inArg = true
			if odd {
				arg = append(arg, '"')
			} else {
				quoted = !quoted
			}
		case strings.IndexByte(" \t\n\v", c) >= 0 && !quoted:
			flush()
			if inArg {
				out, arg, inArg = append(out, string(arg)), nil, false
			}
		default:
			flush()
			arg, inArg = append(arg, c), true
		}
	}
	flush()
	if inArg {
		out = append(out, string(arg))
	}
	return out
}
