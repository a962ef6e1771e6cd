package computecore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

func TestRunSyncQuirk(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	var raw uintptr
	d.requests["CreateProcess"] = func(r request) hcs.Code {
		raw = d.give(r, "process")
		d.settle(r.op, hcs.ErrInvalidArgument, "", processInformation{}) // and no callback
		return call.OK
	}
	d.requests["GetProcessInfo"] = func(r request) hcs.Code {
		d.settle(r.op, call.OK, "", processInformation{ProcessID: 44})
		d.notify(r.op)
		return call.OK
	}
	p, err := s.Run(within(t, 10*time.Second), &schema.ProcessParameters{CommandLine: "x"})
	if err != nil || p.Pid() != 44 {
		t.Fatal(err)
	}
	if c := d.called("GetProcessInfo"); len(c) != 1 || c[0].handle != raw {
		t.Fatal(c)
	}
	d.event(raw, eventProcessExited, `{"Exited":true,"ExitCode":3}`)
	if x := <-p.Exited(); x.Code != 3 || x.Err != nil {
		t.Fatal(x)
	}
	// No way to have the process: the first error is the one.
	d.requests["GetProcessInfo"] = func(r request) hcs.Code { d.end(r.op, hcs.ErrProcessAlreadyStopped, ""); return call.OK }
	if _, err := s.Run(within(t, 10*time.Second), &schema.ProcessParameters{}); !errors.Is(err, hcs.ErrInvalidArgument) {
		t.Fatal(err)
	}
	closeAll(t, p, s)
}

func TestRunFails(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	defer closeAll(t, s)
	d.requests["CreateProcess"] = func(r request) hcs.Code { d.end(r.op, hcs.ErrFileNotFound, ""); return call.OK }
	if _, err := s.Run(within(t, 10*time.Second), &schema.ProcessParameters{}); !errors.Is(err, hcs.ErrFileNotFound) {
		t.Fatal(err)
	}
	if len(d.called("GetProcessInfo")) != 0 {
		t.Fatal("asked after a plain failure")
	}
	// A stream that was asked for and is missing: the process must not stay.
	d.requests["CreateProcess"] = func(r request) hcs.Code {
		d.give(r, "process")
		d.settle(r.op, call.OK, "", processInformation{ProcessID: 44})
		return call.OK
	}
	_, err := s.Run(within(t, 10*time.Second), &schema.ProcessParameters{CreateStdOutPipe: true})
	if err == nil || !strings.Contains(err.Error(), "stdout") || len(d.called("TerminateProcess")) != 1 {
		t.Fatal(err)
	}
}

func TestTerminateNeverWaitsBehindSignal(t *testing.T) {
	d := newFake(t)
	s, sysRaw := d.create(t)
	p, raw := d.run(t, s)
	var op uintptr
	d.requests["Signal"] = func(r request) hcs.Code { op = r.op; return call.OK }
	signalled := make(chan error, 1)
	go func() { signalled <- p.Signal(t.Context(), schema.CtrlShutdown) }()
	until(t, "the signal", func() bool { return len(d.called("Signal")) == 1 })
	if c := d.called("Signal"); c[0].handle != raw || c[0].text != `{"Signal":"CtrlShutdown"}` {
		t.Fatal(c)
	}
	d.requests["OpenProcess"] = func(r request) hcs.Code { d.give(r, "process"); return call.OK }
	if err := p.Terminate(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if c := d.called("TerminateProcess"); len(c) != 1 || c[0].handle == raw {
		t.Fatal(c)
	}
	if c := d.called("OpenProcess"); len(c) != 1 || c[0].handle == sysRaw {
		t.Fatal(c)
	}
	select {
	case err := <-signalled:
		t.Fatal("the signal returned", err)
	default:
	}
	d.end(op, call.OK, "")
	if err := <-signalled; err != nil {
		t.Fatal(err)
	}
	closeAll(t, p, s)
}

func TestTerminateOfTheDead(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	p, raw := d.run(t, s)
	defer closeAll(t, p, s)
	terminate := func() error { return p.Terminate(within(t, 10*time.Second)) }

	d.requests["OpenProcess"] = func(request) hcs.Code { return hcs.ErrElementNotFound }
	if err := terminate(); !errors.Is(err, hcs.ErrProcessAlreadyStopped) || !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	d.requests["OpenProcess"] = func(r request) hcs.Code { d.give(r, "process"); return call.OK }
	d.requests["TerminateProcess"] = func(r request) hcs.Code { d.end(r.op, hcs.ErrAccessDenied, ""); return call.OK }
	if err := terminate(); !errdefs.IsPermissionDenied(err) {
		t.Fatal(err)
	}
	d.requests["TerminateProcess"] = func(r request) hcs.Code {
		d.end(r.op, hcs.ErrAccessDenied, "")
		go d.event(raw, eventProcessExited, `{"Exited":true,"ExitCode":1}`)
		return call.OK
	}
	if err := terminate(); !errors.Is(err, hcs.ErrProcessAlreadyStopped) {
		t.Fatal(err)
	}
	n := len(d.called("Open"))
	if err := terminate(); !errors.Is(err, hcs.ErrProcessAlreadyStopped) || len(d.called("Open")) != n {
		t.Fatal(err) // known to be gone: no call
	}
}

func TestExitWithoutStatusIsAskedFor(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	p, raw := d.run(t, s)
	d.requests["GetProcessProperties"] = func(r request) hcs.Code {
		d.end(r.op, call.OK, `{"ProcessId":44,"Exited":true,"ExitCode":9}`)
		return call.OK
	}
	d.event(raw, eventProcessExited, "")
	if x := <-p.Exited(); x.Code != 9 || x.Err != nil {
		t.Fatal(x)
	}
	d.requests["GetProcessProperties"] = func(r request) hcs.Code { return hcs.ErrInvalidHandle }
	q, raw := d.run(t, s)
	d.event(raw, eventProcessExited, "")
	if x := <-q.Exited(); x.Code != hcs.UnknownExit || x.Err == nil {
		t.Fatal(x)
	}
	closeAll(t, p, q, s)
}

func TestModifyDocuments(t *testing.T) {
	d := newFake(t)
	s, _ := d.create(t)
	p, _ := d.run(t, s)
	defer closeAll(t, p, s)
	if err := p.CloseStdin(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := p.Resize(within(t, 10*time.Second), 100, 30); err != nil {
		t.Fatal(err)
	}
	c := d.called("ModifyProcess")
	if len(c) != 2 || c[0].text != `{"Operation":"CloseHandle","CloseHandle":{"Handle":"StdIn"}}` ||
		c[1].text != `{"Operation":"ConsoleSize","ConsoleSize":{"Height":30,"Width":100}}` {
		t.Fatal(c)
	}
}
