package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"containerd-shim-hcs/test/rig/winapp/burst"
)

// call runs a chain and gives its code, its stdout and its message.
func call(t *testing.T, args ...string) (uint32, string, string) {
	t.Helper()
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	code, err := run(out, args)
	out.Flush()
	if err != nil {
		return code, b.String(), err.Error()
	}
	return code, b.String(), ""
}

func TestChains(t *testing.T) {
	t.Setenv("WINAPP_X", "y")
	for _, c := range []struct {
		args, out string
		code      uint32
		message   string
	}{
		{"tick 3 1ms -- exit 4", "1\n2\n3\n", 4, ""},
		{"tick x 1ms", "", 2, "bad number"},
		{"print a b -- sleep 1ms -- exit 3", "a b\n", 3, ""},
		{"print a -- exit 0xC000013A -- print b", "a\n", 0xC000013A, ""},
		{"burst 0 exit 7", "", 7, ""},
		{"hash 5", burst.Sum(5) + "\n", 0, ""},
		{"hash 1K", burst.Sum(1024) + "\n", 0, ""},
		{"env WINAPP_X", "y\n", 0, ""},
		{"alloc 4K 0s", "allocated\n", 0, ""},
		{"burn 1ms -- print done", "done\n", 0, ""},
		{"", "", 2, "COMMAND"},
		{"fly", "", 2, "fly: no such command"},
		{"print a -- -- print b", "a\n", 2, "empty command"},
		{"exit 4294967296", "", 2, "bad exit code"},
		{"sleep -1s", "", 2, "bad duration"},
		{"hash 9G1", "", 2, "bad size"},
		{"hash 9999999999G", "", 2, "bad size"},
		{"type /does/not/exist", "", 1, "type: open"},
	} {
		code, out, message := call(t, strings.Fields(c.args)...)
		if code != c.code || out != c.out || !strings.Contains(message, c.message) || (c.message == "") != (message == "") {
			t.Errorf("%q: code %d out %q message %q; want %d %q %q", c.args, code, out, message, c.code, c.out, c.message)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	f := filepath.Join(dir, "f")
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o777); err != nil {
		t.Fatal(err)
	}
	code, out, message := call(t, "write", f, "a", "b", "--", "append", f, "c", "--", "type", f, "--", "ls", dir, "--", "rm", f, "--", "ls", dir)
	if want := "a b\nc\nd\\\nf\nd\\\n"; code != 0 || out != want {
		t.Errorf("code %d out %q %s, want 0 %q", code, out, message, want)
	}
	if code, _, message = call(t, "rm", f); code != 1 {
		t.Errorf("rm of a missing file: code %d %s, want 1", code, message)
	}
}

func TestBurst(t *testing.T) {
	var want bytes.Buffer
	burst.Write(&want, 100_001)
	if code, out, _ := call(t, "burst", "100001", "exit", "0x9"); code != 9 || out != want.String() {
		t.Errorf("code %d, %d bytes", code, len(out))
	}
}

func TestParseTrap(t *testing.T) {
	p, err := parseTrap(strings.Fields("after 2s exit 5 CtrlC CtrlBreak"))
	if err != nil || p.after != 2*time.Second || p.code != 5 || strings.Join(p.on, ",") != "CtrlC,CtrlBreak" {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err = parseTrap(nil); err != nil || strings.Join(p.on, ",") != "CtrlClose,CtrlLogOff,CtrlShutdown" {
		t.Errorf("default: got %+v, %v", p, err)
	}
	for _, bad := range []string{"CtrlX", "after", "after x", "exit 1x", "exit"} {
		if _, err := parseTrap(strings.Fields(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// spawn takes the rest of the line, with its separators: what it starts is a chain.
func TestNext(t *testing.T) {
	one, rest := next(strings.Fields("spawn sleep 1s -- exit 3"))
	if len(one) != 6 || rest != nil {
		t.Errorf("got %q and %q", one, rest)
	}
	one, rest = next(strings.Fields("print a -- exit 3"))
	if len(one) != 2 || len(rest) != 2 {
		t.Errorf("got %q and %q", one, rest)
	}
}
