package winhost

import (
	"io"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs/schema"
)

func (b *box) terminal(args string) *proc {
	b.t.Helper()
	return b.launch(&schema.ProcessParameters{CommandLine: `C:\app\winapp.exe ` + args, EmulateConsole: true, ConsoleSize: []uint16{25, 80},
		CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true})
}

func (p *proc) types(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, keys); err != nil {
		p.t.Fatal(err)
	}
}

func TestTerminalSession(t *testing.T) {
	b := newBox(t)
	p := b.terminal("env LINES COLUMNS -- err to the screen too -- serve-lines -- exit 8")
	for _, line := range []string{"25", "80", "to the screen too", "ready"} {
		p.says(line)
	}
	p.types("hellx\bo\r")
	p.says("hellx\b \bo")
	p.says("got: hello")
	p.Resize(100, 30)
	p.types("\x1a\r")
	p.expect(8, "^Z\r\n", "")
}

func TestTerminalInterrupt(t *testing.T) {
	b := newBox(t)
	p := b.terminal("trap exit 6 CtrlC")
	p.says("trapping")
	p.types("abc\x03")
	p.says("abc^C")
	p.expect(6, "CtrlC\r\n", "")
}

// CloseStdin ends a terminal's input after what was typed.
func TestTerminalCloseStdin(t *testing.T) {
	b := newBox(t)
	p := b.terminal("serve-lines -- exit 2")
	p.says("ready")
	p.types("one\rhalf")
	p.CloseStdin()
	p.ends(2)
	got := rest(t, p.lines)
	for _, want := range []string{"one\r\n", "got: one\r\n", "got: half\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("screen %q lacks %q", got, want)
		}
	}
}

// Output is whole before its end, also when the process is gone at once.
func TestTerminalOutputIsWhole(t *testing.T) {
	b := newBox(t)
	const n = 1000 // a command line has at most 32767 characters
	p := b.terminal(strings.TrimSuffix(strings.Repeat("print 0123456789 -- ", n), " -- "))
	p.expect(0, strings.Repeat("0123456789\r\n", n), "")
}

// A client that has gone ends a process that goes on writing, as a pipe of its own would.
func TestTerminalClientGoes(t *testing.T) {
	b := newBox(t)
	p := b.terminal("burst 64M -- exit 3")
	p.out.Close()
	p.ends(1) // winapp's code for output that cannot be written
}
