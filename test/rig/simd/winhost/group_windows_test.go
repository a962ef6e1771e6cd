package winhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"containerd-shim-hcs/hcs/schema"
)

func ptr(p *uint32) uintptr { return uintptr(unsafe.Pointer(p)) }

// Every event reaches a Go program that listens with signal.Notify, by its own number.
func TestSignalsReach(t *testing.T) {
	b := newBox(t)
	for _, s := range []schema.Signal{schema.CtrlC, schema.CtrlBreak, schema.CtrlClose, schema.CtrlLogOff, schema.CtrlShutdown} {
		p := b.winapp("trap exit 5 " + string(s))
		p.says("trapping")
		must(t, p.Signal(s))
		p.expect(5, string(s)+"\n", "")
	}
}

func TestSignalCanBeSurvived(t *testing.T) {
	b := newBox(t)
	p := b.winapp("ignore")
	p.says("ignoring")
	must(t, p.Signal(schema.CtrlC))
	p.says("ignored CtrlC")
	start := time.Now()
	must(t, p.Signal(schema.CtrlShutdown))
	if d := time.Since(start); d > patience/2 {
		t.Errorf("Signal took %v", d)
	}
	p.says("ignored CtrlShutdown")
	if !p.running() {
		t.Fatal("it did not survive")
	}
	p.Kill(77)
	p.ends(77)
	p.Kill(78) // it has ended
	if err := p.Signal("CtrlX"); err == nil {
		t.Error("no error of an unknown signal")
	}
}

// Windows' last handler ends a process with STATUS_CONTROL_C_EXIT, also one that is not a Go program.
func TestUnhandledSignal(t *testing.T) {
	b := newBox(t)
	for _, line := range []string{`C:\app\winapp.exe print up -- sleep 300s`, `cmd /c "echo up& C:\app\winapp.exe sleep 300s"`} {
		for _, s := range []schema.Signal{schema.CtrlC, schema.CtrlShutdown} {
			p := b.launch(&schema.ProcessParameters{CommandLine: line, CreateStdOutPipe: true})
			p.says("up")
			must(t, p.Signal(s))
			p.ends(0xC000013A)
		}
	}
}

// An event goes to the descendants of a process, and to no other process of the container.
func TestSignalFamily(t *testing.T) {
	b := newBox(t)
	other := b.winapp("trap")
	other.says("trapping")
	p := b.launch(&schema.ProcessParameters{CommandLine: `cmd /c C:\app\winapp.exe trap exit 4 CtrlBreak`, CreateStdOutPipe: true})
	p.says("trapping")
	must(t, p.Signal(schema.CtrlBreak))
	p.says("CtrlBreak")
	if !other.running() {
		t.Error("an event reached a process of another family")
	}
	must(t, other.Signal(schema.CtrlClose))
	other.expect(0, "CtrlClose\n", "")
}

func TestKillEndsAll(t *testing.T) {
	b := newBox(t)
	p := b.winapp("ignore")
	p.says("ignoring")
	q := b.winapp("print a -- spawn ignore")
	q.says("a")
	q.ends(0)
	q.says("ignoring")
	if n := len(b.Processes()); n != 2 {
		t.Errorf("%d processes, want 2", n)
	}
	b.Kill(0x1234)
	if n := len(b.Processes()); n != 0 {
		t.Errorf("%d processes after Kill", n)
	}
	p.ends(0x1234)
	rest(t, q.lines)
	b.Kill(1) // nothing to do
	b.Close()
	b.Close()
	if u := b.Usage(); u.CommitBytes != 0 || b.Processes() != nil {
		t.Errorf("a closed group uses %+v", u)
	}
}

func TestUsage(t *testing.T) {
	b := newBox(t)
	start := time.Now()
	p := b.winapp("alloc 64M 300s")
	p.says("allocated")
	list := b.Processes()
	if len(list) != 1 {
		t.Fatalf("processes %+v", list)
	}
	d := list[0]
	if d.ProcessID != p.Pid() || !strings.EqualFold(d.ImageName, "winapp.exe") || d.CreateTimestamp.Before(start.Add(-2*time.Second)) || d.CreateTimestamp.After(time.Now().Add(2*time.Second)) {
		t.Errorf("details %+v", d)
	}
	if d.MemoryCommitBytes < 64<<20 || d.MemoryWorkingSetPrivateBytes < 64<<20 || d.MemoryCommitBytes > 1<<30 {
		t.Errorf("memory %+v", d)
	}
	u := b.Usage()
	if u.CommitBytes < 64<<20 || u.PeakCommitBytes < u.CommitBytes || u.PrivateSet < 64<<20 {
		t.Errorf("usage %+v", u)
	}
	p.Kill(1)
	p.ends(1)
	if v := b.Usage(); v.CommitBytes != 0 || v.PeakCommitBytes < u.PeakCommitBytes {
		t.Errorf("usage after the end %+v", v)
	}
	// What an ended process had used when it was last looked at counts on.
	p = b.winapp("print up -- burn 300s")
	p.says("up")
	for deadline := time.Now().Add(patience); u.User100ns < 1_000_000; u = b.Usage() {
		if time.Now().After(deadline) {
			t.Fatalf("%d ms of user time of a program that does nothing but work", u.User100ns/10_000)
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.Kill(1)
	p.ends(1)
	if w := b.Usage(); w.User100ns < u.User100ns {
		t.Errorf("user time goes back from %d to %d ms", u.User100ns/10_000, w.User100ns/10_000)
	}
}

// A program that takes more than the container's limit ends, another in the same container does not, and the peak is the limit.
func TestMemoryLimit(t *testing.T) {
	b := newBox(t)
	b.c.MemoryMB = 128
	b.open()
	small := b.winapp("alloc 1M 300s")
	small.says("allocated")
	big := b.winapp("alloc 200M 300s")
	big.ends(noMemory)
	if u := b.Usage(); u.PeakCommitBytes != 128<<20 || u.CommitBytes == 0 {
		t.Errorf("usage %+v, of a container with 128 MB", u)
	}
	small.Kill(1)
	small.ends(1)
}

// However a process is interrupted while it starts another, Kill ends both, or what Wine has left of them.
func TestKillWhileStarting(t *testing.T) {
	b := newBox(t)
	for i := range 12 {
		p := b.launch(&schema.ProcessParameters{CommandLine: `cmd /c "echo up& C:\app\winapp.exe sleep 300s"`, CreateStdOutPipe: true})
		p.says("up")
		time.Sleep(time.Duration(i%8) * time.Millisecond / 2)
		must(t, p.Signal(schema.CtrlC))
		p.gone() // with the code of whichever of the two was first
		killed := make(chan struct{})
		go func() { b.Kill(1); close(killed) }()
		select {
		case <-killed:
		case <-time.After(patience):
			t.Fatal("Kill does not return")
		}
		if list := b.Processes(); len(list) > 0 {
			t.Errorf("after Kill: %+v", list)
		}
		b.Close() // one that never began would be in the job for ever
		b.open()
		p.out.Close()
	}
}

// The job goes with its last handle: nothing survives a service that dies.
func TestCloseEndsProcesses(t *testing.T) {
	b := newBox(t)
	p := b.winapp("ignore")
	p.says("ignoring")
	b.Close()
	p.gone()
}

func TestOldVolumesGo(t *testing.T) {
	s := newStack(t)
	s.merge()
	if _, err := New(s.root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.volume); !os.IsNotExist(err) {
		t.Errorf("old volume: %v", err)
	}
	must(t, os.RemoveAll(filepath.Join(s.scratch, changesDir)))
	s.merge()
	want(t, s.volume, merged...)
}
