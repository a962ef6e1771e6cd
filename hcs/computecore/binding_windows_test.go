package computecore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

// until polls for what another goroutine does, and fails the test if it does not come.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not come:", what)
		}
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// create makes a system "c1" and returns the raw handle too.
func (d *dllFake) create(t *testing.T) (hcs.System, uintptr) {
	t.Helper()
	var raw uintptr
	d.requests["Create"] = func(r request) hcs.Code {
		raw = d.give(r, "system")
		d.end(r.op, call.OK, "")
		return call.OK
	}
	s, err := New().Create(within(t, 10*time.Second), "c1", &schema.ComputeSystem{Owner: "o"})
	if err != nil {
		t.Fatal(err)
	}
	return s, raw
}

// run starts a process with pid 44 in it.
func (d *dllFake) run(t *testing.T, s hcs.System) (hcs.Process, uintptr) {
	t.Helper()
	var raw uintptr
	d.requests["CreateProcess"] = func(r request) hcs.Code {
		raw = d.give(r, "process")
		d.settle(r.op, call.OK, "", processInformation{ProcessID: 44})
		d.notify(r.op)
		return call.OK
	}
	p, err := s.Run(within(t, 10*time.Second), &schema.ProcessParameters{CommandLine: "x"})
	if err != nil || p.Pid() != 44 {
		t.Fatal(p, err)
	}
	return p, raw
}

func closeAll(t *testing.T, closers ...interface{ Close() error }) {
	t.Helper()
	for _, c := range closers {
		for range 2 { // idempotent
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCreateAndClose(t *testing.T) {
	d := newFake(t)
	s, raw := d.create(t)
	if c := d.called("Create"); len(c) != 1 || c[0].text != `c1 {"Owner":"o","SchemaVersion":{"Major":0,"Minor":0}}` {
		t.Fatal(c)
	}
	if err := s.Start(within(t, time.Second)); err != nil {
		t.Fatal(err)
	}
	closeAll(t, s)
	if c := d.called("CloseSystem"); len(c) != 1 || c[0].handle != raw {
		t.Fatal(c)
	}
	if x, ok := <-s.Exited(); ok {
		t.Fatal("an exit out of nothing", x)
	}
	d.event(raw, eventSystemExited, `{}`) // late: finds nothing
	if err := s.Start(within(t, time.Second)); !errors.Is(err, hcs.ErrInvalidHandle) || len(d.called("Start")) != 1 {
		t.Fatal(err)
	}
}

func TestErrorsCarryTheDocument(t *testing.T) {
	const doc = `{"Error":-2143878907,"ErrorMessage":"wrong state","ErrorEvents":[{"Message":"detail"}]}`
	d := newFake(t)
	s, _ := d.create(t)
	defer closeAll(t, s)
	for name, f := range map[string]func(r request) hcs.Code{
		"at once": func(r request) hcs.Code {
			d.settle(r.op, hcs.ErrInvalidState, doc, processInformation{})
			return hcs.ErrInvalidState
		},
		"as the result": func(r request) hcs.Code { d.end(r.op, hcs.ErrInvalidState, doc); return call.OK },
	} {
		d.requests["Start"] = f
		err := s.Start(within(t, 10*time.Second))
		var e *hcs.Error
		if !errors.As(err, &e) || e.Op != "HcsStartComputeSystem" || e.ID != "c1" || e.Code != hcs.ErrInvalidState || e.Message != "wrong state" || len(e.Events) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCallbackThatNeverComes(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	defer closeAll(t, s)
	d.requests["GetProperties"] = func(r request) hcs.Code {
		d.settle(r.op, call.OK, `{"Id":"c1","State":"Running"}`, processInformation{})
		return call.OK
	}
	p, err := s.Properties(within(t, 10*time.Second), schema.PropertyStatistics)
	if err != nil || p.State != schema.StateRunning {
		t.Fatal(p, err)
	}
	if c := d.called("GetProperties"); c[0].text != `{"PropertyTypes":["Statistics"]}` {
		t.Fatal(c)
	}
}

func TestNothingIsClosedUnderACall(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	var op uintptr
	d.requests["Start"] = func(r request) hcs.Code { op = r.op; return call.OK }
	err := s.Start(within(t, 50*time.Millisecond))
	if !errors.Is(err, hcs.ErrOperationTimeout) || call.Outlived() != 1 {
		t.Fatal(err, call.Outlived())
	}
	closeAll(t, s)
	time.Sleep(50 * time.Millisecond)
	if len(d.called("CloseSystem")) != 0 || d.ops[op].closed {
		t.Fatal("closed under the call")
	}
	d.end(op, call.OK, "")
	until(t, "the close of the system", func() bool { return len(d.called("CloseSystem")) == 1 })
	until(t, "the end of the call", func() bool { return call.Outlived() == 0 })
}

func TestCreateThatComesLateIsTakenBack(t *testing.T) {
	d := newFake(t)
	var op uintptr
	d.requests["Create"] = func(r request) hcs.Code { d.give(r, "system"); op = r.op; return call.OK }
	_, err := New().Create(within(t, 50*time.Millisecond), "c1", &schema.ComputeSystem{})
	if !errors.Is(err, hcs.ErrOperationTimeout) {
		t.Fatal(err)
	}
	d.end(op, call.OK, "")
	until(t, "the end of the call", func() bool { return call.Outlived() == 0 })
	if len(d.called("Terminate")) != 1 || len(d.called("CloseSystem")) == 0 {
		t.Fatal(d.calls)
	}
}

func TestHalfMadeSystemIsTakenBack(t *testing.T) {
	d := newFake(t)
	var raw uintptr
	d.requests["Create"] = func(r request) hcs.Code {
		raw = d.give(r, "system")
		d.end(r.op, hcs.ErrInvalidJSON, "")
		return call.OK
	}
	if _, err := New().Create(within(t, 10*time.Second), "c1", &schema.ComputeSystem{}); !errors.Is(err, hcs.ErrInvalidJSON) {
		t.Fatal(err)
	}
	if c := d.called("Terminate"); len(c) != 1 || c[0].handle != raw {
		t.Fatal(d.calls)
	}
	d.requests["SetSystemCallback"] = func(request) hcs.Code { return hcs.ErrInvalidArgument }
	d.requests["Create"] = func(r request) hcs.Code { d.give(r, "system"); d.end(r.op, call.OK, ""); return call.OK }
	if _, err := New().Create(within(t, 10*time.Second), "c1", &schema.ComputeSystem{}); !errors.Is(err, hcs.ErrInvalidArgument) {
		t.Fatal(err)
	}
	if len(d.called("Terminate")) != 2 {
		t.Fatal(d.calls)
	}
}

func TestOpenSeesAnEarlierExit(t *testing.T) {
	d := newFake(t)
	d.requests["GetProperties"] = func(r request) hcs.Code {
		d.end(r.op, call.OK, `{"Id":"c1","State":"Stopped","Stopped":true,"ExitType":"ForcedExit"}`)
		return call.OK
	}
	s, err := New().Open(within(t, 10*time.Second), "c1")
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, s)
	if x := <-s.Exited(); x.Type != schema.ExitForced || x.Err != nil {
		t.Fatal(x)
	}
	d.requests["Open"] = func(request) hcs.Code { return hcs.ErrSystemNotFound }
	if _, err := New().Open(within(t, 10*time.Second), "c2"); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	if _, err := New().Open(within(t, 10*time.Second), "c\x00"); !errdefs.IsInvalidArgument(err) {
		t.Fatal(err)
	}
}

func TestSystemExitEvents(t *testing.T) {
	d := newFake(t)
	s, raw := d.create(t)
	d.event(raw, eventSystemExited, `{"Status":0,"ExitType":"GracefulExit"}`)
	d.event(raw, eventServiceDisconnect, "") // too late to change anything
	if x := <-s.Exited(); x.Type != schema.ExitGraceful || x.Err != nil {
		t.Fatal(x)
	}
	if _, ok := <-s.Exited(); ok {
		t.Fatal("two exits")
	}
	s2, raw2 := d.create(t)
	d.event(raw2, eventServiceDisconnect, "")
	if x := <-s2.Exited(); !errors.Is(x.Err, hcs.ErrServiceDisconnect) {
		t.Fatal(x)
	}
	closeAll(t, s, s2)
}

func TestShutdownDoesNotWaitForTheEnd(t *testing.T) {
	d := newFake(t)
	s, raw := d.create(t)
	var op uintptr
	d.requests["ShutDown"] = func(r request) hcs.Code { op = r.op; return call.OK }
	start := time.Now()
	if err := s.Shutdown(within(t, 10*time.Second)); err != nil || time.Since(start) < takenGrace/2 || time.Since(start) > 5*takenGrace {
		t.Fatal(err, time.Since(start))
	}
	d.end(op, call.OK, "")
	until(t, "the end of the call", func() bool { return call.Outlived() == 0 })

	d.requests["ShutDown"] = func(r request) hcs.Code { d.end(r.op, hcs.ErrInvalidState, ""); return call.OK }
	if err := s.Shutdown(within(t, 10*time.Second)); !errors.Is(err, hcs.ErrInvalidState) {
		t.Fatal(err)
	}

	d.requests["ShutDown"] = func(r request) hcs.Code {
		op = r.op
		go d.event(raw, eventSystemExited, `{}`)
		return call.OK
	}
	start = time.Now()
	if err := s.Shutdown(within(t, 10*time.Second)); err != nil || time.Since(start) > takenGrace/2 {
		t.Fatal(err, time.Since(start))
	}
	d.end(op, call.OK, "")
	until(t, "the end of the call", func() bool { return call.Outlived() == 0 })
	closeAll(t, s)
}

func TestSystemTerminateHasItsOwnHandle(t *testing.T) {
	d := newFake(t)
	s, raw := d.create(t)
	defer closeAll(t, s)
	if err := s.Terminate(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if c := d.called("Terminate"); len(c) != 1 || c[0].handle == raw {
		t.Fatal(c)
	}
	d.requests["Open"] = func(request) hcs.Code { return hcs.ErrServerUnavailable }
	if err := s.Terminate(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if c := d.called("Terminate"); len(c) != 2 || c[1].handle != raw {
		t.Fatal(c)
	}
	d.requests["Open"] = func(request) hcs.Code { return hcs.ErrSystemNotFound }
	if err := s.Terminate(within(t, 10*time.Second)); !errors.Is(err, hcs.ErrSystemAlreadyStopped) {
		t.Fatal(err)
	}
}
