package winetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/computecore"
	"containerd-shim-hcs/hcs/schema"
)

func TestSystemLife(t *testing.T) {
	s := created(t)
	id := name(t)
	p, err := s.Properties(within(t, bound))
	must(t, err)
	if p.ID != id || p.State != schema.StateCreated || p.Owner != "winetest" {
		t.Fatalf("%+v", p)
	}
	if _, err := s.Run(within(t, bound), params("say 0")); !errors.Is(err, hcs.ErrInvalidState) {
		t.Fatal(err)
	}
	must(t, s.Start(within(t, bound)))
	if err := s.Start(within(t, bound)); !errors.Is(err, hcs.ErrInvalidState) {
		t.Fatal(err)
	}
	list, err := computecore.New().List(within(t, bound), schema.SystemQuery{IDs: []string{id}})
	must(t, err)
	if len(list) != 1 || list[0].ID != id || list[0].State != schema.StateRunning {
		t.Fatalf("%+v", list)
	}
	must(t, s.Modify(within(t, bound), &schema.ModifySettingRequest{ResourcePath: schema.PathMemorySize, RequestType: schema.RequestUpdate, Settings: 512}))
	must(t, s.Modify(within(t, bound), &schema.ModifySettingRequest{ResourcePath: schema.PathProcessor, RequestType: schema.RequestUpdate, Settings: schema.Processor{Maximum: 5000}}))
	if now := string(state(t)["systems"]); !strings.Contains(now, `"Memory":{"SizeInMB":512}`) || !strings.Contains(now, `"Processor":{"Maximum":5000}`) {
		t.Fatalf("after the changes: %s", now)
	}
	if err := s.Modify(within(t, bound), &schema.ModifySettingRequest{ResourcePath: "Container/Nothing", RequestType: schema.RequestUpdate}); err == nil {
		t.Fatal("an unknown resource was modified")
	}

	second, err := computecore.New().Open(within(t, bound), id)
	must(t, err)
	must(t, s.Shutdown(within(t, bound)))
	for _, handle := range []hcs.System{s, second} {
		x, ok := <-handle.Exited()
		if !ok || x.Err != nil || x.Type != schema.ExitGraceful {
			t.Fatalf("%+v", x)
		}
	}
	late, err := computecore.New().Open(within(t, bound), id) // after the exit
	must(t, err)
	if x, ok := <-late.Exited(); !ok || x.Type != schema.ExitGraceful {
		t.Fatalf("%+v", x)
	}
	must(t, second.Close())
	must(t, late.Close())
	if err := s.Terminate(within(t, bound)); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
}

func TestSystemErrors(t *testing.T) {
	compute := computecore.New()
	if _, err := compute.Open(within(t, bound), "nobody"); !errors.Is(err, hcs.ErrSystemNotFound) {
		t.Fatal(err)
	}
	r := newRoot(t)
	doc := r.document(t)
	s, err := compute.Create(within(t, bound), name(t), doc)
	must(t, err)
	if _, err := compute.Create(within(t, bound), name(t), doc); !errors.Is(err, hcs.ErrSystemAlreadyExists) || !errdefs.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	must(t, s.Close()) // the last handle: the document says that the system goes with it
	gone(t, name(t))

	bad := r.document(t)
	bad.Container.Storage.Layers = nil
	var e *hcs.Error
	if _, err := compute.Create(within(t, bound), name(t), bad); !errors.As(err, &e) || e.Op != "HcsCreateComputeSystem" || e.ID != name(t) || e.Message == "" {
		t.Fatal(err)
	}
	gone(t, name(t))
}

func TestProcessStreamsAndCode(t *testing.T) {
	s := running(t)
	p := run(t, s, params("say 0xC000013A"))
	if p.Stdin() != nil {
		t.Fatal("a stdin that nobody asked for")
	}
	out, err := io.ReadAll(p.Stdout())
	must(t, err)
	stderr, err := io.ReadAll(p.Stderr())
	must(t, err)
	if string(out) != "to stdout" || string(stderr) != "to stderr" {
		t.Fatalf("%q %q", out, stderr)
	}
	if code := exitOf(t, p); code != 0xC000013A {
		t.Fatalf("%#x", code)
	}
	if _, err := s.OpenProcess(within(t, bound), p.Pid()); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	if err := p.Terminate(within(t, bound)); !errors.Is(err, hcs.ErrProcessAlreadyStopped) {
		t.Fatal(err)
	}
}

func TestProcessStdin(t *testing.T) {
	s := running(t)
	q := params("cat")
	q.CreateStdInPipe = true
	p := run(t, s, q)
	_, err := p.Stdin().Write([]byte("in and out"))
	must(t, err)
	must(t, p.CloseStdin(within(t, bound)))
	out, err := io.ReadAll(p.Stdout())
	must(t, err)
	if string(out) != "in and out|end" {
		t.Fatalf("%q", out)
	}
	if code := exitOf(t, p); code != 0 {
		t.Fatal(code)
	}
}

func TestProcessSeesBothLayers(t *testing.T) {
	p := run(t, running(t), params(`file C:\upper.txt`))
	out, err := io.ReadAll(p.Stdout())
	must(t, err)
	if code := exitOf(t, p); code != 0 || string(out) != "from the upper layer" {
		t.Fatal(code, string(out))
	}
}

func TestProcessMissing(t *testing.T) {
	s := running(t)
	q := params("say 0")
	q.CommandLine = `C:\nothing.exe`
	_, err := s.Run(within(t, bound), q)
	var e *hcs.Error
	if !errors.Is(err, hcs.ErrFileNotFound) || !errors.As(err, &e) || e.Op != "HcsCreateProcess" {
		t.Fatal(err)
	}
}

func TestProcessOpenAndTerminate(t *testing.T) {
	s := running(t)
	p := run(t, s, params("sleep"))
	expect(t, p.Stdout(), "up")
	props, err := s.Properties(within(t, bound), schema.PropertyProcessList, schema.PropertyStatistics)
	must(t, err)
	if !slices.ContainsFunc(props.ProcessList, func(d schema.ProcessDetails) bool { return d.ProcessID == p.Pid() }) || props.Statistics == nil {
		t.Fatalf("%+v", props)
	}
	other, err := s.OpenProcess(within(t, bound), p.Pid())
	must(t, err)
	if other.Pid() != p.Pid() || other.Stdout() != nil {
		t.Fatal(other.Pid())
	}
	must(t, other.Terminate(within(t, bound)))
	a, b := exitOf(t, p), exitOf(t, other)
	if a != b || a == 0 {
		t.Fatalf("%#x %#x", a, b)
	}
	must(t, other.Close())
	if rest, err := io.ReadAll(p.Stdout()); err != nil || len(rest) != 0 {
		t.Fatal(rest, err)
	}
}

func TestSignals(t *testing.T) {
	s := running(t)
	p := run(t, s, params("trap 5"))
	expect(t, p.Stdout(), "up")
	must(t, p.Signal(within(t, bound), schema.CtrlShutdown))
	if code := exitOf(t, p); code != 5 {
		t.Fatalf("%#x", code)
	}
	if err := p.Signal(within(t, bound), schema.CtrlC); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
}

// Server core: the signal returns only when the process is gone. Terminate must go past it.
func TestTerminatePassesASignalInFlight(t *testing.T) {
	s := running(t)
	p := run(t, s, params("trap"))
	expect(t, p.Stdout(), "up")
	fault(t, "HcsSignalProcess hang")
	err := p.Signal(within(t, 500*time.Millisecond), schema.CtrlShutdown)
	if !errors.Is(err, hcs.ErrOperationTimeout) {
		t.Fatal(err)
	}
	start := time.Now()
	must(t, p.Terminate(within(t, bound)))
	exitOf(t, p)
	t.Log("terminated after", time.Since(start))
	sim(t, "SimFault", "")
	settled(t)
}

// settled waits for the calls that have outlived their callers.
func settled(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(bound); call.Outlived() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("calls are still under way: ", call.Outlived())
		}
	}
}

func TestShortLivedProcesses(t *testing.T) {
	s := running(t)
	for i := range 30 {
		p := run(t, s, params("say "+string(rune('0'+i%10))))
		if code := exitOf(t, p); code != uint32(i%10) {
			t.Fatal(i, code)
		}
	}
}

func TestOutputIsWhole(t *testing.T) {
	const size = 8 << 20
	want := make([]byte, size)
	for i := range want {
		want[i] = byte(i % 251)
	}
	s := running(t)
	var all sync.WaitGroup
	for range 8 {
		p := run(t, s, params("burst 0x800000"))
		all.Go(func() {
			got, err := io.ReadAll(p.Stdout())
			if err != nil || !bytes.Equal(got, want) {
				t.Error(len(got), err)
			}
		})
	}
	all.Wait()
}

func TestAffinity(t *testing.T) {
	s := created(t)
	must(t, s.SetAffinity(within(t, bound), []schema.GroupAffinity{{Mask: 1}}))
	if got := sim(t, "SimState"); !strings.Contains(strings.Join(got, ""), `"affinity":[{"group":0,"mask":1}]`) {
		t.Errorf("the machine has %s", got)
	}
	for name, groups := range map[string][]schema.GroupAffinity{
		"no group": nil, "no processor": {{}}, "a group that is not there": {{Group: 9, Mask: 1}}, "twice": {{Mask: 1}, {Mask: 1}},
	} {
		if err := s.SetAffinity(within(t, bound), groups); !errors.Is(err, hcs.ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fault(t, "NtOpenJobObject fail 0x80070005 times=1")
	if err := s.SetAffinity(within(t, bound), []schema.GroupAffinity{{Mask: 1}}); !errors.Is(err, hcs.ErrAccessDenied) {
		t.Errorf("without the right to: %v", err)
	}
	must(t, s.Terminate(within(t, bound)))
	<-s.Exited()
	if err := s.SetAffinity(within(t, bound), []schema.GroupAffinity{{Mask: 1}}); !errors.Is(err, hcs.ErrFileNotFound) {
		t.Errorf("of a system that has ended: %v", err)
	}
}

func TestFreeze(t *testing.T) {
	s := running(t)
	p := run(t, s, params("trap 5"))
	expect(t, p.Stdout(), "up")
	must(t, s.Freeze(within(t, bound), true))
	if got := sim(t, "SimState"); !strings.Contains(strings.Join(got, ""), `"frozen":true`) {
		t.Errorf("the machine has %s", got)
	}
	must(t, p.Signal(within(t, bound), schema.CtrlBreak))
	select {
	case e := <-p.Exited():
		t.Errorf("it ran: %+v", e)
	case <-time.After(time.Second):
	}
	must(t, s.Freeze(within(t, bound), false))
	if code := exitOf(t, p); code != 5 {
		t.Errorf("exit %d", code)
	}
	fault(t, "NtSetInformationJobObject fail 0x80070032 times=1")
	if err := s.Freeze(within(t, bound), true); !errors.Is(err, hcs.ErrNotSupported) {
		t.Errorf("on a system that cannot: %v", err)
	}
	must(t, s.Terminate(within(t, bound)))
	<-s.Exited()
	if err := s.Freeze(within(t, bound), true); !errors.Is(err, hcs.ErrFileNotFound) {
		t.Errorf("of a system that has ended: %v", err)
	}
}

// TestEnclose: what an enclosed process has started ends with its family, also when the process itself has ended, and nothing else does.
func TestEnclose(t *testing.T) {
	s := running(t)
	other := run(t, s, params("sleep"))
	expect(t, other.Stdout(), "up")
	p := run(t, s, params("parent"))
	f, err := p.Enclose(within(t, bound))
	must(t, err)
	expect(t, p.Stdout(), "up")
	must(t, p.Terminate(within(t, bound)))
	exitOf(t, p)
	if n := processes(t); n != 2 {
		t.Errorf("%d processes run, want the child and the other one", n)
	}
	must(t, f.Terminate())
	if _, err := io.ReadAll(p.Stdout()); err != nil { // the child has let go of it
		t.Error(err)
	}
	if n := processes(t); n != 1 {
		t.Errorf("%d processes run, want the other one", n)
	}
	must(t, f.Close())
	must(t, f.Close())
	if err := f.Terminate(); err == nil {
		t.Error("terminated after the close")
	}
	if _, err := p.Enclose(within(t, bound)); err == nil {
		t.Error("a process that has ended was enclosed")
	}
}

// processes counts what runs in the containers of the simulator.
func processes(t *testing.T) int {
	t.Helper()
	var list []json.RawMessage
	must(t, json.Unmarshal(state(t)["processes"], &list))
	return len(list)
}
