package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/schema"
)

func TestFaultFail(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	if n := p.one("SimFault", "ActivateLayer id=*2 fail 0x80070015 times=2\nHcsStartComputeSystem fail 0xC0370100 times=2"); n != "2" {
		t.Errorf("%s rules", n)
	}
	d := p.fails(hcs.ErrNotReady, "ActivateLayer", scratch)
	if len(d.ErrorEvents) != 1 || !strings.Contains(d.ErrorEvents[0].Message, "fault") {
		t.Errorf("document %+v", d)
	}
	p.fails(hcs.ErrNotReady, "ActivateLayer", scratch)
	p.ok("HcsCreateComputeSystem", "2", "1", "web", p.mount())
	p.fails(hcs.ErrTerminatedDuringStart, "HcsStartComputeSystem", "2", "1", "")
	p.fails(hcs.ErrTerminatedDuringStart.V1(), "HcsStartComputeSystem", "1", "1", "")
	p.ok("HcsStartComputeSystem", "2", "1", "")
	journal := p.one("SimJournal")
	if got := strings.Count(journal, "HcsStartComputeSystem web: fault: HcsStartComputeSystem fail 0x80370100"); got != 2 {
		t.Errorf("%d faults in the journal:\n%s", got, journal)
	}
	if got := strings.Count(journal, "HcsStartComputeSystem web: ok"); got != 1 {
		t.Errorf("%d starts in the journal:\n%s", got, journal)
	}
}

func TestFaultHang(t *testing.T) {
	r := newRig(t)
	p, control := r.connect("shim.exe"), r.connect("rig")
	control.ok("SimFault", "ActivateLayer hang")
	c := p.send("ActivateLayer", scratch)
	p.ok("LayerExists", scratch) // others are served meanwhile
	select {
	case f := <-c:
		t.Fatalf("a reply: %+v", f)
	case <-time.After(50 * time.Millisecond):
	}
	if n := control.one("SimFault", " "); n != "0" {
		t.Errorf("%s rules", n)
	}
	if f := p.get(c); f.Code != 0 {
		t.Errorf("0x%08x", f.Code)
	}
	// One that hangs when the service restarts is never made: its client was told so.
	control.ok("SimFault", "DeactivateLayer hang")
	p.send("DeactivateLayer", scratch)
	r.until("the call has come", func() bool { return strings.Contains(control.one("SimJournal"), "fault: DeactivateLayer hang") })
	control.ok("SimRestart")
	control.ok("SimFault", "")
	p.ok("LayerExists", scratch)
	if st := r.srv.svc.State(); len(st.Layers) != 1 {
		t.Errorf("layers after the restart: %+v", st.Layers)
	}
	// Nor one whose client dies.
	control.ok("SimFault", "DeactivateLayer hang")
	p.send("DeactivateLayer", scratch)
	p.conn.Close()
	r.until("one client", func() bool { return len(r.srv.svc.State().Clients) == 1 })
	control.ok("SimFault", "")
	if st := r.srv.svc.State(); len(st.Layers) != 1 {
		t.Errorf("layers: %+v", st.Layers)
	}
}

func TestFaultLose(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	doc := p.mount()
	p.ok("SimFault", "HcsCreateComputeSystem lose times=1\nHcsTerminateComputeSystem lose 0x8037011e")
	p.fails(hcs.ErrOperationTimeout, "HcsCreateComputeSystem", "2", "1", "web", doc)
	p.fails(hcs.ErrInvalidHandle, "HcsStartComputeSystem", "2", "1", "")
	r.until("gone with its only handle", func() bool { return len(r.srv.svc.State().Systems) == 0 })
	if !strings.Contains(p.one("SimJournal"), "HcsCreateComputeSystem web: ok") {
		t.Error("the call was not made")
	}
	p.ok("HcsCreateComputeSystem", "2", "2", "web", doc)
	p.ok("HcsWatchComputeSystem", "2", "2")
	p.fails(hcs.ErrServiceDisconnect, "HcsTerminateComputeSystem", "2", "2", "")
	if e := p.event(); !strings.Contains(e[2], "ForcedExit") {
		t.Errorf("event %q", e)
	}
}

func TestFaultDropEvent(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	p.running("web")
	p.ok("SimFault", "ProcessExited id=web drop-event times=1\nSystemExited drop-event")
	p.ok("HcsWatchComputeSystem", "2", "1")
	for _, h := range []string{"2", "3"} {
		p.ok("HcsCreateProcess", "2", "1", h, document(schema.ProcessParameters{CommandLine: "exit 1"}), "", "", "")
		p.ok("HcsWatchProcess", "2", h)
	}
	if e := p.event(); e[0] != "process" || e[1] != "3" && e[1] != "2" {
		t.Errorf("event %q", e)
	}
	p.ok("HcsTerminateComputeSystem", "2", "1", "")
	r.until("stopped", func() bool { return r.srv.svc.State().Systems[0].State == schema.StateStopped })
	p.ok("LayerExists", scratch) // what was sent before this reply has been read
	if n := len(p.events); n != 0 {
		t.Errorf("%d more events: %q", n, <-p.events)
	}
	journal := p.one("SimJournal")
	for _, want := range []string{"ProcessExited web: fault", "SystemExited web: fault"} {
		if strings.Count(journal, want) != 1 {
			t.Errorf("journal without %q:\n%s", want, journal)
		}
	}
}

// inProcess are the names of rules that no call of the protocol has.
var inProcess = []fault.Call{fault.SystemExited, fault.ProcessExited, "HasScratch", "Facts", "DialPipe", "ListenPipe", "ResolvePath", "Spawn", "AssignProcessToJobObject"}

func TestEveryCallCanFail(t *testing.T) {
	for name, e := range table {
		if e.about != nil && !slices.Contains(fault.Calls(), fault.Call(name)) {
			t.Errorf("%s is served and no rule can name it", name)
		}
		if e.about == nil && !strings.HasPrefix(name, "Sim") && name != "Hello" {
			t.Errorf("%s is served and looks at no rule", name)
		}
	}
	for _, call := range fault.Calls() {
		if table[string(call)] == nil && !slices.Contains(inProcess, call) {
			t.Errorf("a rule can name %s and it is not served", call)
		}
	}
}

// TestDLLsAskForWhatIsServed looks for the names of requests in the sources of the DLLs.
func TestDLLsAskForWhatIsServed(t *testing.T) {
	name := regexp.MustCompile(`"((?:Hcs|Hcn|Bf)[A-Z][A-Za-z]+|[A-Z][A-Za-z]+Layer|HNSCall|GrantVmAccess)"( #)?`)
	files, err := filepath.Glob(filepath.Join("..", "dll", "*", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources of DLLs: %v", err)
	}
	found := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(b), -1) {
			if m[2] != "" {
				continue // the beginning of a name that a macro completes
			}
			found++
			if table[m[1]] == nil {
				t.Errorf("%s asks for %s, which is not served", file, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d names found: the pattern is out of date", found)
	}
}
