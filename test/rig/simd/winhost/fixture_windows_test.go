package winhost

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// patience is for what must happen on a machine that may be busy.
const patience = 60 * time.Second

// box is a container with winapp.exe in its base layer, as C:\app\winapp.exe.
type box struct {
	t     *testing.T
	h     *Host
	stack *stack
	sim.Group
	c sim.Container
}

func newBox(t *testing.T, entries ...string) *box {
	t.Helper()
	s := newStack(t)
	app := filepath.Join(s.base, filesDir, "app")
	must(t, os.MkdirAll(app, 0o777))
	self, err := os.Executable()
	must(t, err)
	winapp := filepath.Join(filepath.Dir(self), "winapp.exe")
	info, err := os.Stat(winapp)
	must(t, err)
	must(t, copyFile(winapp, filepath.Join(app, "winapp.exe"), info))
	tree(t, filepath.Join(s.base, filesDir), entries...)
	h, err := New(s.root)
	must(t, err)
	s.Store = &h.Store
	s.merge()
	b := &box{t: t, h: h, stack: s, c: sim.Container{ID: t.Name(), HostName: "boxname", Volume: volumeName + `\`}}
	b.open()
	return b
}

func (b *box) open() {
	b.t.Helper()
	g, err := b.h.Open(b.c)
	must(b.t, err)
	b.Group = g
	b.t.Cleanup(func() { g.Kill(1); g.Close() })
}

var pipes atomic.Int32

// pipe is a stream as a client DLL makes it: the client's end, and its name.
func pipe(t *testing.T) (*os.File, string) {
	t.Helper()
	name := fmt.Sprintf(`\\.\pipe\winhost-test-%d-%d`, os.Getpid(), pipes.Add(1))
	p, err := windows.UTF16PtrFromString(name)
	must(t, err)
	h, err := windows.CreateNamedPipe(p, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED, windows.PIPE_TYPE_BYTE, 1, 65536, 65536, 0, nil)
	must(t, err)
	f := os.NewFile(uintptr(h), name)
	t.Cleanup(func() { f.Close() })
	return f, name
}

// proc is a process with the client's ends of its streams.
type proc struct {
	sim.Running
	t             *testing.T
	in, out, errs *os.File
	lines         *bufio.Reader
}

// streams opens the service's ends for what p asks.
func (b *box) streams(p *schema.ProcessParameters) (*proc, sim.Streams) {
	b.t.Helper()
	c := &proc{t: b.t}
	var s sim.Streams
	end := func(write bool) (*os.File, io.ReadWriteCloser) {
		f, name := pipe(b.t)
		o, err := b.h.OpenPipe(name, write)
		must(b.t, err)
		return f, o
	}
	if p.CreateStdInPipe {
		c.in, s.Stdin = end(false)
	}
	if p.CreateStdOutPipe {
		c.out, s.Stdout = end(true)
		c.lines = bufio.NewReader(c.out)
	}
	if p.CreateStdErrPipe && !p.EmulateConsole {
		c.errs, s.Stderr = end(true)
	}
	return c, s
}

func (b *box) launch(p *schema.ProcessParameters) *proc {
	b.t.Helper()
	c, s := b.streams(p)
	r, err := b.Launch(p, s)
	must(b.t, err)
	c.Running = r
	return c
}

// winapp runs C:\app\winapp.exe with all three streams.
func (b *box) winapp(args string) *proc {
	b.t.Helper()
	return b.launch(&schema.ProcessParameters{CommandLine: `C:\app\winapp.exe ` + args, CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true})
}

// says reads a line of stdout.
func (p *proc) says(want string) {
	p.t.Helper()
	within := time.AfterFunc(patience, func() { p.out.Close() })
	defer within.Stop()
	line, err := p.lines.ReadString('\n')
	if strings.TrimRight(line, "\r\n") != want {
		p.t.Fatalf("line %q, %v; want %q", line, err, want)
	}
}

// ends waits for the exit code.
func (p *proc) ends(want uint32) {
	p.t.Helper()
	if got := p.gone(); got != want {
		p.t.Errorf("exit code %#x, want %#x", got, want)
	}
}

// gone waits for the end.
func (p *proc) gone() uint32 {
	p.t.Helper()
	select {
	case <-p.Running.(*running).done:
	case <-time.After(patience):
		p.t.Fatal("does not end")
	}
	return p.Wait()
}

// rest reads a stream to its end.
func rest(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

func (p *proc) expect(code uint32, out, errs string) {
	p.t.Helper()
	if got := rest(p.t, p.lines); got != out {
		p.t.Errorf("stdout %s, want %s", clip(got), clip(out))
	}
	if p.errs != nil {
		if got := rest(p.t, p.errs); got != errs {
			p.t.Errorf("stderr %s, want %s", clip(got), clip(errs))
		}
	}
	p.ends(code)
}

// clip is the end of a long text, and its length.
func clip(s string) string {
	if n := len(s); n > 200 {
		return fmt.Sprintf("of %d bytes, at the end %q", n, s[n-200:])
	}
	return fmt.Sprintf("%q", s)
}

func (p *proc) running() bool {
	select {
	case <-p.Running.(*running).done:
		return false
	default:
		return true
	}
}
