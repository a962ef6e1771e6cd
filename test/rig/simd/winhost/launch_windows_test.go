package winhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/test/rig/winapp/burst"
)

func TestExitCodesAndStreams(t *testing.T) {
	b := newBox(t)
	for args, code := range map[string]uint32{"": 0, " -- exit 7": 7, " -- exit 0xC000013A": 0xC000013A, " -- exit 0xffffffff": 0xffffffff} {
		b.winapp("print out -- err wrong"+args).expect(code, "out\n", "wrong\n")
	}
}

func TestNoStreams(t *testing.T) {
	b := newBox(t)
	b.launch(&schema.ProcessParameters{CommandLine: `C:\app\winapp.exe cat -- print x -- exit 3`}).ends(3)
}

// What the container sees of files, names and environment; a write stays in the volume.
func TestContainerView(t *testing.T) {
	b := newBox(t, "app/f=from the base")
	p := &schema.ProcessParameters{CommandLine: `winapp pwd -- type f -- hostname -- env A HCSSIM_CWD USERNAME`, WorkingDirectory: `C:\app`, User: "ContainerUser",
		Environment: map[string]string{"A": "b"}, CreateStdOutPipe: true}
	b.launch(p).expect(0, "C:\\app\nfrom the baseboxname\nb\n\nContainerUser\n", "")
	b.winapp(`write C:\app\f changed -- write C:\new n -- rm C:\c -- type C:\app\f -- ls C:\`).
		expect(0, "changed\nWindows\\\napp\\\nempty\\\nnew\n", "")
	b.Kill(1)
	b.stack.unmerge()
	want(t, filepath.Join(b.stack.scratch, changesDir, filesDir), "app/", "app/f=changed\n", "new=n\n")
	if got, err := os.ReadFile(filepath.Join(b.stack.base, filesDir, "app", "f")); string(got) != "from the base" {
		t.Errorf("the base has %q, %v", got, err)
	}
}

func TestMounts(t *testing.T) {
	b := newBox(t)
	dir := t.TempDir()
	tree(t, dir, "rw/f=one", "ro/f=two")
	b.c.Mounts = []schema.MappedDirectory{{HostPath: filepath.Join(dir, "rw"), ContainerPath: `C:\rw`}, {HostPath: filepath.Join(dir, "ro"), ContainerPath: `C:\ro`, ReadOnly: true}}
	b.open()
	b.winapp(`type C:\rw\f -- type C:\ro\f -- write C:\rw\g three -- exit 4`).expect(4, "onetwo", "")
	want(t, filepath.Join(dir, "rw"), "f=one", "g=three\n")
	p := b.winapp(`write C:\ro\f no`)
	rest(t, p.errs)
	p.ends(1)
	want(t, filepath.Join(dir, "ro"), "f=two")
}

// A single file, in a directory that the image has not.
func TestMountOfAFile(t *testing.T) {
	b := newBox(t, "app/f=from the base")
	dir := t.TempDir()
	tree(t, dir, "log=", "config=x")
	b.c.Mounts = []schema.MappedDirectory{{HostPath: filepath.Join(dir, "log"), ContainerPath: `C:\dev\termination-log`},
		{HostPath: filepath.Join(dir, "config"), ContainerPath: `C:\app\config`, ReadOnly: true}}
	b.open()
	b.winapp(`ls C:\dev -- type C:\app\config -- write C:\dev\termination-log why -- exit 4`).expect(4, "termination-log\nx", "")
	want(t, dir, "config=x", "log=why\n")
}

// cmd.exe and what it starts: not Go programs, or started by none.
func TestCommandInterpreter(t *testing.T) {
	b := newBox(t, "app/f=from the base")
	for _, c := range []struct {
		line, out string
		code      uint32
	}{
		{`cmd /c echo hi`, "hi\r\n", 0},
		{`cmd.exe /c exit 9`, "", 9},
		{`C:\Windows\System32\cmd.exe /c type C:\app\f`, "from the base", 0},
		{`cmd /c "C:\app\winapp.exe print a -- exit 5"`, "a\n", 5},
	} {
		b.launch(&schema.ProcessParameters{CommandLine: c.line, CreateStdOutPipe: true}).expect(c.code, c.out, "")
	}
}

func TestLaunchErrors(t *testing.T) {
	b := newBox(t, "app/text.exe=not a program")
	for what, c := range map[string]struct {
		line, dir, user string
		code            hcs.Code
	}{
		"missing program":    {`C:\app\nope.exe`, "", "", hcs.ErrFileNotFound},
		"host's own program": {`C:\rig\simd.exe`, "", "", hcs.ErrFileNotFound},
		"missing directory":  {`C:\app\winapp.exe print`, `C:\nope`, "", hcs.ErrInvalidDirectory},
		"no program":         {`C:\app\text.exe`, "", "", hcs.ErrBadExeFormat},
		"unknown user":       {`C:\app\winapp.exe print`, "", "somebody", hcs.ErrLogonFailure},
	} {
		t.Run(what, func(t *testing.T) {
			p := &schema.ProcessParameters{CommandLine: c.line, WorkingDirectory: c.dir, User: c.user, CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true}
			client, s := b.streams(p)
			_, err := b.Launch(p, s)
			if hcs.CodeOf(err) != c.code {
				t.Errorf("got %v, want %v", err, c.code)
			}
			// The service's ends are closed: the client is told.
			rest(t, client.out)
			rest(t, client.errs)
			if _, err := client.in.Write(make([]byte, 1)); err == nil {
				t.Error("stdin can still be written")
			}
		})
	}
	if n := len(b.Processes()); n != 0 {
		t.Errorf("%d processes after failed launches", n)
	}
}

// CloseStdin gives end-of-file after what was written, while the client still holds its end.
func TestCloseStdin(t *testing.T) {
	b := newBox(t)
	for _, n := range []int{0, 1, 60_000} {
		p := b.winapp("cat -- exit 3")
		data := strings.Repeat("x", n)
		if _, err := p.in.WriteString(data); err != nil {
			t.Fatal(err)
		}
		p.CloseStdin()
		p.CloseStdin() // twice is once
		p.expect(3, data, "")
	}
}

func TestClientClosesStdin(t *testing.T) {
	b := newBox(t)
	p := b.winapp("cat -- exit 3")
	data := strings.Repeat("0123456789abcdef", 40_000) // more than all pipes hold
	go func() {
		io.WriteString(p.in, data)
		p.in.Close()
	}()
	p.expect(3, data, "")
}

// The client cannot write for ever to a process that has ended.
func TestStdinOfAnEndedProcess(t *testing.T) {
	b := newBox(t)
	p := b.winapp("exit 0")
	p.ends(0)
	must(t, p.in.SetWriteDeadline(time.Now().Add(patience)))
	for range 100 {
		if _, err := p.in.Write(make([]byte, 64<<10)); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("a write hangs")
			}
			return
		}
	}
	t.Error("writes go nowhere")
}

// Output waits for its reader, and all of it comes.
func TestBackPressure(t *testing.T) {
	b := newBox(t)
	const n = 8 << 20
	p := b.winapp("burst 8M exit 7")
	time.Sleep(300 * time.Millisecond)
	if !p.running() {
		t.Error("8 MiB went into a pipe that nobody reads")
	}
	h := sha256.New()
	got, err := io.Copy(h, p.out)
	must(t, err)
	if got != n || hex.EncodeToString(h.Sum(nil)) != burst.Sum(n) {
		t.Errorf("%d bytes, other than written", got)
	}
	p.ends(7)
}

// A child that inherited stdout holds it open after its parent's end.
func TestChildHoldsStdout(t *testing.T) {
	b := newBox(t)
	p := b.winapp("print parent -- spawn print child -- cat -- print last")
	p.says("parent")
	p.ends(0)
	p.says("child")
	if list := b.Processes(); len(list) != 1 || !strings.EqualFold(list[0].ImageName, "winapp.exe") {
		t.Errorf("processes %+v, want the child", list)
	}
	p.in.Close() // it inherited stdin too
	p.says("last")
	if got := rest(t, p.lines); got != "" {
		t.Errorf("then %q", got)
	}
}

func TestMany(t *testing.T) {
	b := newBox(t)
	before := handles(t)
	var all sync.WaitGroup
	for range 20 {
		p := b.winapp("cat -- print done -- exit 6")
		all.Go(func() {
			p.CloseStdin()
			p.expect(6, "done\n", "")
			p.in.Close()
			p.out.Close()
			p.errs.Close()
		})
	}
	all.Wait()
	for try := 0; ; try++ {
		if n := handles(t); n <= before+20 { // threads and the poller come and go
			break
		} else if try == 50 {
			t.Errorf("%d handles before, %d after 20 processes", before, n)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func handles(t *testing.T) (n int) {
	t.Helper()
	var count uint32
	if ok, _, err := kernel32.NewProc("GetProcessHandleCount").Call(uintptr(windows.CurrentProcess()), ptr(&count)); ok == 0 {
		t.Fatal(err)
	}
	return int(count)
}
