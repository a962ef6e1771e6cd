package main

import (
	"fmt"
	"time"
)

func v1Create(c *check) (uint32, *outHandle, string) {
	h := newOutHandle()
	var o out
	code := call(v1, "HcsCreateComputeSystem", text("c1"), text("{}"), 0, h.arg(), o.arg())
	return code, h, o.take()
}

// v1System creates a system and consumes its completion.
func v1System(c *check) (uintptr, *listener, uintptr) {
	code, h, _ := v1Create(c)
	equal(c, code, v1Pend, "create")
	l, context := listen()
	cb := newOutHandle()
	equal(c, call(v1, "HcsRegisterComputeSystemCallback", h.h, onNotification, context, cb.arg()), 0, "register")
	e := receive(c, l.events, "create completed")
	equal(c, e.kind, 2, "kind")
	equal(c, e.status, 0, "status")
	return h.h, l, cb.h
}

func v1End(c *check, sys, cb uintptr) {
	equal(c, call(v1, "HcsUnregisterComputeSystemCallback", cb), 0, "unregister")
	equal(c, call(v1, "HcsCloseComputeSystem", sys), 0, "close")
}

func v1Pending(c *check) {
	sys, l, cb := v1System(c)
	none(c, l.events, "second completion")
	for name, kind := range map[string]uint32{"HcsStartComputeSystem": 3, "HcsPauseComputeSystem": 4, "HcsResumeComputeSystem": 5, "HcsSaveComputeSystem": 8} {
		for range 2 {
			equal(c, call(v1, name, sys, text(""), 0), v1Pend, name)
			e := receive(c, l.events, name)
			equal(c, e.kind, kind, "kind")
			equal(c, e.status, 0, "status")
		}
	}
	equal(c, c.fake.last(c, "HcsStartComputeSystem"), fmt.Sprintf("HcsStartComputeSystem 1 %d ", sys), "request")
	equal(c, call(v1, "HcsShutdownComputeSystem", sys, 0, 0), v1Pend, "shutdown")
	equal(c, call(v1, "HcsTerminateComputeSystem", sys, 0, 0), v1Pend, "terminate")
	none(c, l.events, "completion of shutdown or terminate")
	var o out
	c.fake.always("HcsGetComputeSystemProperties", ok(`{"Id":"c1"}`))
	equal(c, call(v1, "HcsGetComputeSystemProperties", sys, text("{}"), o.arg(), 0), 0, "properties")
	equal(c, o.take(), `{"Id":"c1"}`, "properties")
	v1End(c, sys, cb)
}

func v1Refused(c *check) {
	c.fake.always("HcsCreateComputeSystem", refuse(0xC037010F, `{"Error":-1070137073}`))
	code, h, document := v1Create(c)
	equal(c, code, 0xC037010F, "create")
	equal(c, h.h, 0, "handle")
	equal(c, document, `{"Error":-1070137073}`, "document")
	c.fake.reset()

	sys, l, cb := v1System(c)
	c.fake.always("HcsStartComputeSystem", refuse(0xC0370105, `{"Error":2}`))
	var o out
	equal(c, call(v1, "HcsStartComputeSystem", sys, 0, o.arg()), 0xC0370105, "start")
	equal(c, o.take(), `{"Error":2}`, "document")
	none(c, l.events, "notification of a refused start")
	equal(c, call(v1, "HcsStartComputeSystem", 0, 0, o.arg()), invalidHandle, "start of nothing")
	equal(c, call(v1, "HcsUnregisterProcessCallback", cb), invalidHandle, "unregister as a process callback")
	v1End(c, sys, cb)
	equal(c, call(v1, "HcsCloseComputeSystem", sys), invalidHandle, "second close")
}

func v1FailsLater(c *check) {
	sys, l, cb := v1System(c)
	c.fake.slow("HcsStartComputeSystem", 200*time.Millisecond, refuse(0xC0370101, `{"Error":3}`))
	equal(c, call(v1, "HcsStartComputeSystem", sys, 0, 0), v1Pend, "start")
	e := receive(c, l.events, "start completed")
	equal(c, e.kind, 3, "kind")
	equal(c, e.status, 0xC0370101, "status")
	equal(c, e.data, `{"Error":3}`, "data")
	c.fake.slow("HcsShutDownComputeSystem", 200*time.Millisecond, refuse(0xC0370105, ""))
	equal(c, call(v1, "HcsShutdownComputeSystem", sys, 0, 0), v1Pend, "shutdown")
	e = receive(c, l.events, "shutdown failed")
	equal(c, e.kind, 0xA, "kind")
	equal(c, e.status, 0xC0370105, "status")
	v1End(c, sys, cb)
}

func v1SlowCreate(c *check) {
	release := c.fake.hold("HcsCreateComputeSystem", ok())
	code, h, _ := v1Create(c)
	equal(c, code, v1Pend, "create")
	l, context := listen()
	cb := newOutHandle()
	equal(c, call(v1, "HcsRegisterComputeSystemCallback", h.h, onNotification, context, cb.arg()), 0, "register")
	equal(c, c.fake.count("HcsWatchComputeSystem"), 0, "watches before the create was answered")
	none(c, l.events, "completion before the answer")
	release()
	equal(c, receive(c, l.events, "create completed").kind, 2, "kind")
	equal(c, c.fake.count("HcsWatchComputeSystem"), 1, "watches")
	v1End(c, h.h, cb.h)

	// Closed while the create is under way.
	release = c.fake.hold("HcsCreateComputeSystem", ok())
	code, h, _ = v1Create(c)
	equal(c, code, v1Pend, "create")
	closes := c.fake.count("HcsCloseComputeSystem")
	equal(c, call(v1, "HcsCloseComputeSystem", h.h), 0, "close")
	equal(c, c.fake.count("HcsCloseComputeSystem"), closes, "closes before the answer")
	release()
	for range 100 {
		if c.fake.count("HcsCloseComputeSystem") > closes {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.fatalf("the system was never closed")
}

func v1Exit(c *check) {
	for document, status := range map[string]uint32{
		`{"Status":0,"ExitType":"GracefulExit"}`:             0,
		`{"Status":0,"ExitType":"ForcedExit"}`:               0,
		`{"Status":-1070137082,"ExitType":"UnexpectedExit"}`: v1Unexpected,
		`{"ExitType":"None","Status":-2147024891}`:           0x80070005,
	} {
		sys, l, cb := v1System(c)
		c.fake.event("system", sys, document)
		e := receive(c, l.events, "exit")
		equal(c, e.kind, 1, "kind")
		equal(c, e.status, status, "status of "+document)
		none(c, l.events, "second exit")
		// Whoever registers later is told too.
		late, context := listen()
		again := newOutHandle()
		equal(c, call(v1, "HcsRegisterComputeSystemCallback", sys, onNotification, context, again.arg()), 0, "register again")
		equal(c, receive(c, late.events, "exit").kind, 1, "kind")
		none(c, l.events, "exit for the first registration")
		equal(c, call(v1, "HcsUnregisterComputeSystemCallback", again.h), 0, "unregister")
		v1End(c, sys, cb)
	}
}

func v1Unregister(c *check) {
	sys, l, cb := v1System(c)
	entered := make(chan bool, 1)
	left := make(chan bool, 1)
	l.inside = func(event) {
		entered <- true
		time.Sleep(300 * time.Millisecond)
		left <- true
	}
	equal(c, call(v1, "HcsStartComputeSystem", sys, 0, 0), v1Pend, "start")
	receive(c, entered, "callback")
	equal(c, call(v1, "HcsUnregisterComputeSystemCallback", cb), 0, "unregister")
	select {
	case <-left:
	default:
		c.fatalf("unregister returned while the callback ran")
	}
	receive(c, l.events, "notification")
	c.fake.event("system", sys, "{}")
	none(c, l.events, "notification after unregister")
	equal(c, call(v1, "HcsUnregisterComputeSystemCallback", cb), invalidHandle, "second unregister")
	equal(c, call(v1, "HcsCloseComputeSystem", sys), 0, "close")

	// Closing without unregistering silences too.
	sys, l, _ = v1System(c)
	equal(c, call(v1, "HcsCloseComputeSystem", sys), 0, "close")
	c.fake.event("system", sys, "{}")
	none(c, l.events, "notification after close")
}

func v1Process(c *check) {
	sys, _, cb := v1System(c)
	echo(c)
	proc := newOutHandle()
	var info processInfo
	var o out
	equal(c, call(v1, "HcsCreateProcess", sys, text(allStreams), info.arg(), proc.arg(), o.arg()), 0, "create process")
	equal(c, info.pid, 4711, "pid")
	pumpStreams(c, &info)
	l, context := listen()
	procCB := newOutHandle()
	equal(c, call(v1, "HcsRegisterProcessCallback", proc.h, onNotification, context, procCB.arg()), 0, "register")
	document := `{"ProcessId":4711,"Exited":true,"ExitCode":7}`
	c.fake.event("process", proc.h, document)
	e := receive(c, l.events, "exit")
	equal(c, e.kind, 0x10000, "kind")
	equal(c, e.data, document, "data")
	c.fake.always("HcsGetProcessProperties", ok(document))
	equal(c, call(v1, "HcsGetProcessProperties", proc.h, o.arg(), 0), 0, "properties")
	equal(c, o.take(), document, "properties")
	c.fake.always("HcsGetProcessInfo", ok("4711"))
	equal(c, call(v1, "HcsGetProcessInfo", proc.h, info.arg(), 0), 0, "info")
	equal(c, info.pid, 4711, "pid")
	c.fake.always("HcsTerminateProcess", refuse(0x8037011F, ""))
	equal(c, call(v1, "HcsTerminateProcess", proc.h, 0), 0x8037011F, "terminate of what has exited")
	equal(c, call(v1, "HcsUnregisterProcessCallback", procCB.h), 0, "unregister")
	equal(c, call(v1, "HcsCloseProcess", proc.h), 0, "close process")

	c.fake.always("HcsCreateProcess", refuse(fileNotFound, `{"Error":4}`))
	equal(c, call(v1, "HcsCreateProcess", sys, text(allStreams), info.arg(), proc.arg(), o.arg()), fileNotFound, "create that fails")
	equal(c, o.take(), `{"Error":4}`, "document")
	equal(c, proc.h, 0, "handle")
	equal(c, info, processInfo{}, "information")
	c.fake.always("HcsOpenProcess", refuse(elementNotFound, ""))
	equal(c, call(v1, "HcsOpenProcess", sys, 9, proc.arg(), 0), elementNotFound, "open")
	v1End(c, sys, cb)
}

func v1ServiceLost(c *check) {
	sys, l, cb := v1System(c)
	release := c.fake.hold("HcsStartComputeSystem", ok())
	equal(c, call(v1, "HcsStartComputeSystem", sys, 0, 0), v1Pend, "start")
	c.fake.event("service", 0, "")
	e := receive(c, l.events, "disconnect")
	equal(c, e.kind, 0x01000000, "kind")
	equal(c, e.status, v1Disconnect, "status")
	release()
	none(c, l.events, "start completed")
	equal(c, call(v1, "HcsStartComputeSystem", sys, 0, 0), v1Disconnect, "later call")
	equal(c, call(v1, "HcsUnregisterComputeSystemCallback", cb), 0, "unregister")
	equal(c, call(v1, "HcsCloseComputeSystem", sys), v1Disconnect, "close")
}
