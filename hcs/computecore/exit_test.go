package computecore

import (
	"errors"
	"testing"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

func TestProcessExit(t *testing.T) {
	for _, c := range []struct {
		event   uint32
		data    string
		ok      bool
		code    uint32
		failure bool
	}{
		{eventProcessExited, `{"ProcessId":756,"Exited":true,"ExitCode":0,"LastWaitResult":0}`, true, 0, false},
		{eventProcessExited, `{"ProcessId":756,"Exited":true,"ExitCode":3221225786}`, true, 0xC000013A, false},
		{eventProcessExited, `{"ProcessId":756,"Exited":true,"ExitCode":5,"LastWaitResult":-1}`, true, hcs.UnknownExit, true},
		{eventProcessExited, `{"ProcessId":756,"ExitCode":5}`, true, hcs.UnknownExit, true},
		{eventProcessExited, ``, true, hcs.UnknownExit, true},
		{eventServiceDisconnect, ``, true, hcs.UnknownExit, true},
		{eventSystemExited, `{}`, false, 0, false},
		{0x80000002, `{}`, false, 0, false},
	} {
		x, ok := processExit("c1/756", c.event, c.data)
		if ok != c.ok || x.Code != c.code || (x.Err != nil) != c.failure || ok == x.ExitedAt.IsZero() {
			t.Errorf("%#x %s: %+v, %v", c.event, c.data, x, ok)
		}
	}
	x, _ := processExit("c1/756", eventServiceDisconnect, "")
	if !errors.Is(x.Err, hcs.ErrServiceDisconnect) {
		t.Error(x.Err)
	}
}

func TestSystemExit(t *testing.T) {
	for _, c := range []struct {
		event  uint32
		data   string
		ok     bool
		status int32
		typ    schema.ExitType
	}{
		{eventSystemExited, `{"Status":0,"ExitType":"GracefulExit"}`, true, 0, schema.ExitGraceful},
		{eventSystemExited, `{"Status":-2143878906,"ExitType":"UnexpectedExit"}`, true, -2143878906, schema.ExitUnexpected},
		{eventSystemExited, ``, true, 0, schema.ExitUnknown},
		{eventServiceDisconnect, ``, true, 0, schema.ExitUnknown},
		{2, ``, false, 0, ""},
	} {
		x, ok := systemExit("c1", c.event, c.data)
		if ok != c.ok || x.Status != c.status || x.Type != c.typ || (x.Err != nil) != (c.event == eventServiceDisconnect) {
			t.Errorf("%#x %s: %+v, %v", c.event, c.data, x, ok)
		}
	}
	if x := stopped(&schema.Properties{ExitType: schema.ExitForced}); x.Type != schema.ExitForced {
		t.Error(x)
	}
	if x := stopped(&schema.Properties{}); x.Type != schema.ExitUnknown {
		t.Error(x)
	}
}

func TestExitIsDeliveredOnce(t *testing.T) {
	e := newExit[int]()
	if e.over() {
		t.Fatal("over before it began")
	}
	e.deliver(1)
	e.deliver(2)
	e.end()
	if v, ok := <-e.ch; v != 1 || !ok || !e.over() {
		t.Fatal(v, ok)
	}
	if v, ok := <-e.ch; ok {
		t.Fatal(v)
	}
	none := newExit[int]()
	none.end()
	none.deliver(3)
	if v, ok := <-none.ch; ok {
		t.Fatal("a value after the end", v)
	}
}
