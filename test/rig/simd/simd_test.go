package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/test/rig/wire"
)

func TestLifeOfAContainer(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	p.ok("HcsCreateComputeSystem", "2", "1", "web", p.mount())
	p.ok("HcsWatchComputeSystem", "2", "1")
	p.ok("HcsStartComputeSystem", "2", "1", "")
	var props schema.Properties
	if err := json.Unmarshal([]byte(p.one("HcsGetComputeSystemProperties", "2", "1", "{}")), &props); err != nil || props.State != schema.StateRunning {
		t.Errorf("properties %+v, %v", props, err)
	}

	// The client listens on its pipes, as the DLLs do.
	accepted := map[string]chan net.Conn{}
	side := r.srv.svc.Connect("pipes", 1)
	for _, name := range []string{`\\.\pipe\in`, `\\.\pipe\out`, `\\.\pipe\err`} {
		l, err := side.ListenPipe(name)
		if err != nil {
			t.Fatal(err)
		}
		c := make(chan net.Conn, 1)
		accepted[name] = c
		go func() { // all at once: the service connects in an order of its own
			if conn, err := l.Accept(); err == nil {
				c <- conn
			}
		}()
	}
	reply := p.send("HcsCreateProcess", "2", "1", "2",
		`{"CommandLine":"eprint no; echo-stdin; exit 7","CreateStdInPipe":true,"CreateStdOutPipe":true,"CreateStdErrPipe":true}`,
		`\\.\pipe\in`, `\\.\pipe\out`, `\\.\pipe\err`)
	f := p.get(reply)
	if f.Code != 0 || len(f.Fields) != 1 || f.Fields[0] != p.one("HcsGetProcessInfo", "2", "2") {
		t.Fatalf("HcsCreateProcess: 0x%08x %q", f.Code, f.Fields)
	}
	conns := map[string]net.Conn{}
	for name, c := range accepted {
		conns[name] = <-c // it has been connected to: the process runs
	}
	p.ok("HcsWatchProcess", "2", "2")
	if _, err := io.WriteString(conns[`\\.\pipe\in`], "hello"); err != nil {
		t.Fatal(err)
	}
	p.ok("HcsModifyProcess", "2", "2", `{"Operation":"CloseHandle","CloseHandle":{"Handle":"StdIn"}}`)
	for name, want := range map[string]string{`\\.\pipe\out`: "hello", `\\.\pipe\err`: "no\n"} {
		if b, err := io.ReadAll(conns[name]); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v; want %q", name, b, err, want)
		}
	}
	if e := p.event(); len(e) != 3 || e[0] != "process" || e[1] != "2" || !strings.Contains(e[2], `"ExitCode":7`) {
		t.Errorf("event %q", e)
	}
	p.fails(hcs.ErrProcessAlreadyStopped, "HcsTerminateProcess", "2", "2")
	p.ok("HcsCloseProcess", "2", "2")
	p.ok("HcsShutDownComputeSystem", "2", "1", "")
	if e := p.event(); e[0] != "system" || e[1] != "1" || e[2] != `{"Status":0,"ExitType":"GracefulExit"}` {
		t.Errorf("event %q", e)
	}
	p.ok("UnprepareLayer", scratch)
	p.ok("DeactivateLayer", scratch)
	p.ok("HcsCloseComputeSystem", "2", "1")
	p.fails(hcs.ErrInvalidHandle, "HcsCloseComputeSystem", "2", "1")
	p.fails(hcs.ErrSystemNotFound, "HcsOpenComputeSystem", "2", "3", "web")
	if held := r.srv.svc.Held(); len(held) > 0 {
		t.Errorf("held: %q", held)
	}
}

func TestTwoFamiliesOfCodes(t *testing.T) {
	p := newRig(t).connect("shim.exe")
	p.running("web")
	d := p.fails(hcs.ErrSystemNotFound.V1(), "HcsOpenComputeSystem", "1", "7", "none")
	if d.ErrorMessage != hcs.ErrSystemNotFound.Text() || len(d.ErrorEvents) != 1 || !strings.Contains(d.ErrorEvents[0].Message, "none") {
		t.Errorf("document %+v", d)
	}
	p.fails(hcs.ErrSystemNotFound, "HcsOpenComputeSystem", "2", "8", "none")
	p.run(2, "exit 0")
	p.ok("HcsWatchProcess", "1", "2")
	p.event()
	p.fails(hcs.ErrProcessAlreadyStopped, "HcsTerminateProcess", "1", "2") // one value in both
	p.fails(hcs.ErrElementNotFound, "HcsOpenProcess", "1", "1", "9", "4")
	p.ok("HcsWatchComputeSystem", "1", "1")
	other := p
	if !strings.Contains(other.one("SimState"), `"web"`) {
		t.Error("the state does not have the system")
	}
}

func TestUnexpectedExitInTheV1Family(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	p.running("web")
	p.ok("HcsOpenComputeSystem", "2", "3", "web")
	p.ok("HcsWatchComputeSystem", "1", "1")
	p.ok("HcsWatchComputeSystem", "2", "3")
	if !r.srv.svc.Break("web") {
		t.Fatal("no system")
	}
	want := map[string]hcs.Code{"1": hcs.ErrUnexpectedExit.V1(), "3": hcs.ErrUnexpectedExit}
	for range 2 {
		e := p.event()
		var st schema.SystemExitStatus
		if err := json.Unmarshal([]byte(e[2]), &st); err != nil || uint32(st.Status) != uint32(want[e[1]]) || st.ExitType != schema.ExitUnexpected { //nolint:gosec // bits
			t.Errorf("event %q, %v", e, err)
		}
	}
}

func TestLateWatchIsToldAfterItsReply(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	p.running("web")
	p.run(2, "exit 5")
	r.until("exited", func() bool { return len(r.srv.svc.State().Processes) == 0 })
	conn := p.conn // frames in the order in which they come
	p.mu.Lock()
	p.waiting[1000] = make(chan wire.Frame, 1)
	reply := p.waiting[1000]
	p.mu.Unlock()
	if err := wire.Write(conn, wire.Frame{ID: 1000, Fields: []string{"HcsWatchProcess", "2", "2"}}); err != nil {
		t.Fatal(err)
	}
	e := p.event()
	select { // read puts the reply there before it reads the event
	case f := <-reply:
		if f.Code != 0 {
			t.Errorf("0x%08x", f.Code)
		}
	default:
		t.Error("the event came before the reply")
	}
	if e[0] != "process" || !strings.Contains(e[2], `"ExitCode":5`) {
		t.Errorf("event %q", e)
	}
	p.fails(hcs.ErrCallbackAlreadySet, "HcsWatchProcess", "2", "2")
}

func TestRequestsOnAHandleThatIsStillBeingMade(t *testing.T) {
	p := newRig(t).connect("shim.exe")
	doc := p.mount()
	p.ok("SimFault", "HcsCreateComputeSystem delay 50ms")
	create := p.send("HcsCreateComputeSystem", "2", "1", "web", doc)
	watch := p.send("HcsWatchComputeSystem", "2", "1")
	closed := p.send("HcsGetComputeSystemProperties", "2", "1", "")
	for _, c := range []<-chan wire.Frame{create, watch, closed} {
		if f := p.get(c); f.Code != 0 {
			t.Errorf("0x%08x %q", f.Code, f.Fields)
		}
	}
	p.ok("SimFault", "")
	p.ok("SimFault", "HcsOpenComputeSystem fail 0x80370114")
	open := p.send("HcsOpenComputeSystem", "2", "2", "web")
	use := p.send("HcsStartComputeSystem", "2", "2", "")
	p.failed(hcs.ErrServiceNotAvailable, p.get(open))
	p.failed(hcs.ErrInvalidHandle, p.get(use))
}

func TestDeathOfAClient(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	p.running("web")
	p.run(2, "ignore CtrlShutdown; wait")
	if st := r.srv.svc.State(); len(st.Clients) != 1 || st.Clients[0].Name != "shim.exe" || st.Clients[0].Pid != 42 || len(st.Clients[0].Handles) != 2 {
		t.Errorf("clients: %+v", st.Clients)
	}
	p.conn.Close()
	r.until("gone", func() bool { st := r.srv.svc.State(); return len(st.Systems)+len(st.Processes)+len(st.Clients) == 0 })
	next := r.connect("delete.exe")
	next.fails(hcs.ErrSystemNotFound, "HcsOpenComputeSystem", "2", "1", "web")
	next.ok("UnprepareLayer", scratch)
	next.ok("DeactivateLayer", scratch)
}

func TestSecondClientKeepsTheSystem(t *testing.T) {
	r := newRig(t)
	first, second := r.connect("a.exe"), r.connect("b.exe")
	first.running("web")
	second.ok("HcsOpenComputeSystem", "2", "1", "web") // handles are each client's own
	second.ok("HcsWatchComputeSystem", "2", "1")
	first.conn.Close()
	r.until("one client", func() bool { return len(r.srv.svc.State().Clients) == 1 })
	second.run(2, "wait")
	second.ok("HcsTerminateComputeSystem", "2", "1", "")
	if e := second.event(); e[2] != `{"Status":0,"ExitType":"ForcedExit"}` {
		t.Errorf("event %q", e)
	}
}

func TestRestart(t *testing.T) {
	r := newRig(t)
	p := r.connect("shim.exe")
	p.running("web")
	p.ok("HcsWatchComputeSystem", "2", "1")
	p.ok("SimRestart")
	if e := p.event(); e[0] != "service" {
		t.Errorf("event %q", e)
	}
	p.fails(hcs.ErrInvalidHandle, "HcsStartComputeSystem", "2", "1", "")
	p.fails(hcs.ErrSystemNotFound, "HcsOpenComputeSystem", "2", "2", "web")
	p.ok("UnprepareLayer", scratch) // layers outlive the service
	p.ok("DeactivateLayer", scratch)
}

func TestBadRequests(t *testing.T) {
	r := newRig(t)
	conn, err := net.Dial("tcp", r.srv.listen.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i, c := range []struct {
		fields []string
		want   hcs.Code
	}{
		{[]string{"SimState"}, hcs.ErrInvalidHandle}, // no Hello yet
		{nil, hcs.ErrInvalidData},
		{[]string{"Hello", "x"}, hcs.ErrInvalidData},
		{[]string{"Hello", "x", "y"}, hcs.ErrInvalidData},
		{[]string{"Hello", "x", "1"}, 0},
		{[]string{"Hello", "x", "1"}, hcs.ErrInvalidState},
		{[]string{"HcsMakeCoffee"}, hcs.ErrNotImplemented},
		{[]string{"SimState", "x"}, hcs.ErrInvalidData},
		{[]string{"HcsCreateComputeSystem", "2", "x", "id", "{}"}, hcs.ErrInvalidHandle},
		{[]string{"HcsCreateComputeSystem", "2", "5", "id", "{}"}, hcs.ErrInvalidJSON},
		{[]string{"HcsCreateComputeSystem", "2", "5", "id", "{}"}, hcs.ErrInvalidHandle}, // used before
		{[]string{"HcsCloseComputeSystem", "2", "77"}, hcs.ErrInvalidHandle},
		{[]string{"PrepareLayer", scratch, "C:\\layers\\1"}, hcs.ErrInvalidData},
		{[]string{"ExpandSandboxSize", scratch, "-1"}, hcs.ErrInvalidData},
		{[]string{"SimFault", "ActivateLayer explode"}, hcs.ErrInvalidArgument},
		{[]string{"HcsSetupBaseOSLayer", "a", "b", "c"}, hcs.ErrNotImplemented},
		{[]string{"GrantVmAccess", "a", "b"}, hcs.ErrNotImplemented},
		{[]string{"CreateLayer", "a", "b"}, hcs.ErrNotImplemented},
	} {
		id := uint32(i + 1) //nolint:gosec // small
		if err := wire.Write(conn, wire.Frame{ID: id, Fields: c.fields}); err != nil {
			t.Fatal(err)
		}
		f, err := wire.Read(conn)
		if err != nil || f.ID != id || f.Code != uint32(c.want) {
			t.Errorf("%q: %+v, %v; want 0x%08x", c.fields, f, err, uint32(c.want))
		}
	}
}

func TestOtherCalls(t *testing.T) {
	r := newRig(t)
	p := r.connect("containerd.exe")
	if got := p.one("LayerExists", base) + p.one("LayerExists", `C:\none`); got != "10" {
		t.Errorf("LayerExists: %s", got)
	}
	if got := p.one("GetBaseImages"); got != `{"Images":[]}` {
		t.Errorf("GetBaseImages: %s", got)
	}
	p.ok("ExpandSandboxSize", scratch, "21474836480")
	if got := p.one("HcsGetServiceProperties", "2", `{"PropertyTypes":["Basic"]}`); !strings.Contains(got, `"Minor":5`) {
		t.Errorf("Basic: %s", got)
	}
	if got := p.one("HcsEnumerateComputeSystems", "2", "{}"); got != "[]" {
		t.Errorf("enumeration: %s", got)
	}
	// Network objects, through both DLLs.
	p.ok("HcnCreateNetwork", "1", "11111111-1111-1111-1111-111111111111", `{"Name":"nat","Type":"NAT"}`)
	p.ok("HcnCreateEndpoint", "2", "1", "22222222-2222-2222-2222-222222222222", `{"Name":"ep"}`)
	p.ok("HcnCreateNamespace", "3", "33333333-3333-3333-3333-333333333333", "")
	p.ok("HcnModifyNamespace", "3", `{"ResourceType":"Endpoint","RequestType":"Add","Settings":{"EndpointId":"22222222-2222-2222-2222-222222222222"}}`)
	if got := p.one("HcnQueryEndpointProperties", "2", "{}"); !strings.Contains(got, `"HostComputeNamespace":"33333333-`) {
		t.Errorf("endpoint: %s", got)
	}
	if got := p.one("HNSCall", "GET", "/namespaces/33333333-3333-3333-3333-333333333333", ""); !strings.Contains(got, `"Id":"22222222-`) {
		t.Errorf("namespace: %s", got)
	}
	p.ok("HcnCloseNamespace", "3")
	p.ok("HcnOpenNamespace", "4", "33333333-3333-3333-3333-333333333333")
	p.ok("HcnCloseNamespace", "4")
	if got := p.one("HNSCall", "DELETE", "/namespaces/33333333-3333-3333-3333-333333333333", ""); got != `{"Success":true}` {
		t.Errorf("delete: %s", got)
	}
	if got := p.one("HcnEnumerateNamespaces", ""); got != "[]" {
		t.Errorf("namespaces: %s", got)
	}
	p.ok("HcnDeleteEndpoint", "22222222-2222-2222-2222-222222222222")
	p.fails(hcs.ErrHCNEndpointNotFound, "HcnQueryEndpointProperties", "2", "{}")
	p.ok("HcnCloseEndpoint", "2")
	// bindflt.
	p.fails(hcs.ErrElementNotFound, "BfRemoveMapping", `C:\a`)
	p.ok("BfSetupFilter", "65", `C:\a`, `\\?\Volume{00000000-0000-0000-0000-000000000043}\b`)
	if got := strings.Join(p.ok("BfGetMappings", "0", `c:\A`), "|"); got != `C:\a|C:\b|65` {
		t.Errorf("mappings: %s", got)
	}
	p.ok("BfRemoveMapping", `C:\a`)
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	address, journal := filepath.Join(dir, "sub", "address"), filepath.Join(dir, "journal")
	done := make(chan error, 1)
	go func() { done <- run([]string{"-root", dir, "-address-file", address, "-journal-file", journal}) }()
	var at []byte
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var err error
		if at, err = os.ReadFile(address); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	conn, err := net.Dial("tcp", string(at))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i, fields := range [][]string{{"Hello", "rig", "1"}, {"LayerExists", "x"}, {"SimStop"}} {
		if err := wire.Write(conn, wire.Frame{ID: uint32(i + 1), Fields: fields}); err != nil { //nolint:gosec // small
			t.Fatal(err)
		}
		if f, err := wire.Read(conn); err != nil || f.Code != 0 {
			t.Fatalf("%q: %+v, %v", fields, f, err)
		}
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("does not stop")
	}
	if _, err := os.Stat(address); err == nil {
		t.Error("the address outlives the service")
	}
	if b, err := os.ReadFile(journal); err != nil || !strings.HasSuffix(string(b), "rig LayerExists x: ok\n") {
		t.Errorf("journal %q, %v", b, err)
	}
	if err := run([]string{"-no-such"}); err == nil {
		t.Error("an unknown option is taken")
	}
	for _, subnet := range []string{"127.64.0.0", "127.64.1.0/20", "127.64.0.0/24", "fd00::/64", "x/8"} {
		if err := run([]string{"-pod-subnet", subnet}); err == nil || !strings.Contains(err.Error(), subnet) {
			t.Errorf("subnet %s: %v", subnet, err)
		}
	}
	if err := run([]string{"word"}); err == nil {
		t.Error("an argument is taken")
	}
}
