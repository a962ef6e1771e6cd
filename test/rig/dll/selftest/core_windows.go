package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// newOp makes an operation without a callback.
func newOp(c *check) uintptr {
	op := value(core, "HcsCreateOperation", 0, 0)
	if op == 0 {
		c.fatalf("HcsCreateOperation gave NULL")
	}
	return op
}

// wait waits for an operation's result and closes it.
func wait(op uintptr) (uint32, string) {
	var o out
	code := call(core, "HcsWaitForOperationResult", op, uintptr(patience.Milliseconds()), o.arg())
	value(core, "HcsCloseOperation", op)
	return code, o.take()
}

// newSystem creates a compute system.
func newSystem(c *check) uintptr {
	h := newOutHandle()
	op := newOp(c)
	equal(c, call(core, "HcsCreateComputeSystem", text("c1"), text("{}"), op, 0, h.arg()), 0, "create")
	code, _ := wait(op)
	equal(c, code, 0, "create's result")
	return h.h
}

func operationRules(c *check) {
	var o out
	op := value(core, "HcsCreateOperation", 42, 0)
	equal(c, call(core, "HcsGetOperationResult", op, o.arg()), opNotStarted, "result of a fresh operation")
	equal(c, call(core, "HcsWaitForOperationResult", op, 0, o.arg()), opNotStarted, "wait for a fresh operation")
	equal(c, int32(value(core, "HcsGetOperationType", op)), -1, "type of a fresh operation")
	equal(c, value(core, "HcsGetOperationContext", op), 42, "context")
	equal(c, call(core, "HcsSetOperationContext", op, 43), 0, "set context")
	equal(c, value(core, "HcsGetOperationContext", op), 43, "context after set")
	c.fake.always("HcsEnumerateComputeSystems", ok(`[{"Id":"c1"}]`))
	equal(c, call(core, "HcsEnumerateComputeSystems", text("{}"), op), 0, "enumerate")
	equal(c, call(core, "HcsWaitForOperationResult", op, 5000, o.arg()), 0, "wait")
	equal(c, o.take(), `[{"Id":"c1"}]`, "document")
	equal(c, call(core, "HcsGetOperationResult", op, o.arg()), 0, "result, second reading")
	equal(c, o.take(), `[{"Id":"c1"}]`, "document, second reading")
	equal(c, int32(value(core, "HcsGetOperationType", op)), 0, "type")
	equal(c, call(core, "HcsEnumerateComputeSystems", text("{}"), op), opAlreadyStarted, "second use")
	equal(c, call(core, "HcsCancelOperation", op), notImplemented, "cancel")
	equal(c, call(core, "HcsWaitForOperationResultAndProcessInfo", op, 0, new(processInfo).arg(), o.arg()), noProcessInfo, "process info")
	other := newOp(c)
	if a, b := value(core, "HcsGetOperationId", op), value(core, "HcsGetOperationId", other); a == b {
		c.fatalf("two operations have the id %d", a)
	}
	value(core, "HcsCloseOperation", op)
	value(core, "HcsCloseOperation", other)
	equal(c, call(core, "HcsGetOperationResult", op, o.arg()), invalidHandle, "result of a closed operation")
	equal(c, call(core, "HcsCancelOperation", op), invalidHandle, "cancel of a closed operation")
	equal(c, c.fake.last(c, "HcsEnumerateComputeSystems"), "HcsEnumerateComputeSystems 2 {}", "request")
}

func operationPending(c *check) {
	var o out
	release := c.fake.hold("HcsEnumerateComputeSystems", ok("[]"))
	defer release()
	op := newOp(c)
	equal(c, call(core, "HcsEnumerateComputeSystems", 0, op), 0, "enumerate")
	equal(c, call(core, "HcsGetOperationResult", op, o.arg()), opPending, "result while running")
	equal(c, call(core, "HcsEnumerateComputeSystems", 0, op), opAlreadyStarted, "second use while running")
	start := time.Now()
	equal(c, call(core, "HcsWaitForOperationResult", op, 200, o.arg()), opTimeout, "wait")
	if d := time.Since(start); d < 190*time.Millisecond {
		c.fatalf("a wait of 200ms ended after %v", d)
	}
	release()
	code, document := wait(op)
	equal(c, code, 0, "result")
	equal(c, document, "[]", "document")
}

func operationClosedInFlight(c *check) {
	l, context := listen()
	release := c.fake.hold("HcsEnumerateComputeSystems", ok("[]"))
	op := value(core, "HcsCreateOperation", context, onCompletion)
	equal(c, call(core, "HcsEnumerateComputeSystems", 0, op), 0, "enumerate")
	c.fake.await(c, "HcsEnumerateComputeSystems")
	value(core, "HcsCloseOperation", op)
	release()
	none(c, l.events, "callback of a closed operation")
}

func operationCallback(c *check) {
	l, context := listen()
	var inside uint32
	var document string
	l.inside = func(e event) {
		var o out
		inside = call(core, "HcsGetOperationResult", e.op, o.arg())
		document = o.take()
		value(core, "HcsCloseOperation", e.op)
	}
	c.fake.always("HcsEnumerateComputeSystems", ok("[7]"))
	op := value(core, "HcsCreateOperation", context, onCompletion)
	equal(c, call(core, "HcsEnumerateComputeSystems", 0, op), 0, "enumerate")
	equal(c, receive(c, l.events, "callback").op, op, "operation of the callback")
	equal(c, inside, 0, "result within the callback")
	equal(c, document, "[7]", "document within the callback")
	none(c, l.events, "second callback")

	// One that is set later, and one by notification.
	op = newOp(c)
	equal(c, call(core, "HcsSetOperationCallback", op, context, onCompletion), 0, "set callback")
	equal(c, call(core, "HcsEnumerateComputeSystems", 0, op), 0, "enumerate")
	receive(c, l.events, "callback that was set")
	n, context := listen()
	op = value(core, "HcsCreateOperationWithNotifications", 1, context, onEvent)
	equal(c, call(core, "HcsEnumerateComputeSystems", 0, op), 0, "enumerate")
	e := receive(c, n.events, "notification")
	equal(c, e.kind, eventOperation, "kind of the notification")
	equal(c, e.op, op, "operation of the notification")
	value(core, "HcsCloseOperation", op)
}

func operationCallbacksOnSystem(c *check) {
	sys := newSystem(c)
	l, context := listen()
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 1, context, onEvent), 0, "set callback")
	op := newOp(c)
	equal(c, call(core, "HcsStartComputeSystem", sys, op, 0), 0, "start")
	e := receive(c, l.events, "event")
	equal(c, e.kind, eventOperation, "kind")
	equal(c, e.op, op, "operation")
	equal(c, value(core, "HcsGetComputeSystemFromOperation", op), sys, "system of the operation")
	value(core, "HcsCloseOperation", op)
	value(core, "HcsCloseComputeSystem", sys)
}

func handlesValidated(c *check) {
	sys := newSystem(c)
	op := newOp(c)
	rubbish := []uintptr{0, 1, 0xffffffffffffffff, 0x7ffe0000, op}
	for _, h := range rubbish {
		equal(c, call(core, "HcsStartComputeSystem", h, op, 0), invalidHandle, fmt.Sprintf("start of %#x", h))
		equal(c, call(core, "HcsTerminateProcess", h, op, 0), invalidHandle, fmt.Sprintf("terminate of %#x", h))
		value(core, "HcsCloseComputeSystem", h)
		value(core, "HcsCloseProcess", h)
	}
	equal(c, call(core, "HcsStartComputeSystem", sys, sys, 0), invalidHandle, "a system as the operation")
	equal(c, call(core, "HcsStartComputeSystem", sys, op, 0), 0, "start: the operation is still unused")
	wait(op)
	value(core, "HcsCloseComputeSystem", sys)
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 0, 1, onEvent), invalidHandle, "callback of a closed system")
	value(core, "HcsCloseComputeSystem", sys)
	equal(c, c.fake.count("HcsCloseComputeSystem"), 1, "closes the service saw")
	h := newOutHandle()
	equal(c, call(v1, "HcsStartComputeSystem", sys, 0, 0), invalidHandle, "v1 start of a closed v2 handle")
	c.fake.always("HcsOpenComputeSystem", refuse(notFound, ""))
	equal(c, call(core, "HcsOpenComputeSystem", text("nobody"), 0x10000000, h.arg()), notFound, "open")
	equal(c, h.h, 0, "handle of a failed open")
}

func createFailsLater(c *check) {
	h := newOutHandle()
	c.fake.always("HcsCreateComputeSystem", refuse(alreadyExists, `{"Error":-2143878897}`))
	op := newOp(c)
	equal(c, call(core, "HcsCreateComputeSystem", text("c1"), text("{}"), op, 0, h.arg()), 0, "create")
	code, document := wait(op)
	equal(c, code, alreadyExists, "result")
	equal(c, document, `{"Error":-2143878897}`, "document")
	value(core, "HcsCloseComputeSystem", h.h)
	// A refusal on our side leaves no handle.
	h = newOutHandle()
	equal(c, call(core, "HcsCreateComputeSystem", text("c1"), text("{}"), 0, 0, h.arg()), invalidHandle, "create without an operation")
	equal(c, h.h, 0, "handle")
}

func closeDuringCreate(c *check) {
	h := newOutHandle()
	release := c.fake.hold("HcsCreateComputeSystem", ok())
	op := newOp(c)
	equal(c, call(core, "HcsCreateComputeSystem", text("c1"), text("{}"), op, 0, h.arg()), 0, "create")
	c.fake.await(c, "HcsCreateComputeSystem")
	value(core, "HcsCloseComputeSystem", h.h)
	equal(c, c.fake.count("HcsCloseComputeSystem"), 0, "closes before the create was answered")
	release()
	c.fake.await(c, "HcsCloseComputeSystem")
	equal(c, c.fake.last(c, "HcsCloseComputeSystem"), fmt.Sprintf("HcsCloseComputeSystem 2 %d", h.h), "close")
	value(core, "HcsCloseOperation", op)
}

func earlyRefusal(c *check) {
	sys := newSystem(c)
	l, context := listen()
	c.fake.always("HcsShutDownComputeSystem", refuse(invalidState, `{"Error":1}`))
	op := value(core, "HcsCreateOperation", context, onCompletion)
	equal(c, call(core, "HcsShutDownComputeSystem", sys, op, 0), invalidState, "shutdown")
	none(c, l.events, "callback of a call that failed")
	code, document := wait(op)
	equal(c, code, invalidState, "result")
	equal(c, document, `{"Error":1}`, "document")

	c.fake.slow("HcsTerminateComputeSystem", 300*time.Millisecond, refuse(invalidState, ""))
	op = value(core, "HcsCreateOperation", context, onCompletion)
	equal(c, call(core, "HcsTerminateComputeSystem", sys, op, 0), 0, "slow terminate")
	receive(c, l.events, "callback")
	code, _ = wait(op)
	equal(c, code, invalidState, "result of the slow terminate")

	c.fake.always("HcsTerminateComputeSystem", ok())
	op = value(core, "HcsCreateOperation", context, onCompletion)
	equal(c, call(core, "HcsTerminateComputeSystem", sys, op, text("{}")), 0, "terminate")
	receive(c, l.events, "callback")
	none(c, l.events, "second callback")
	wait(op)
	value(core, "HcsCloseComputeSystem", sys)
}

func exitEvent(c *check) {
	sys := newSystem(c)
	l, context := listen()
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 4, context, onEvent), 0, "set callback")
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 4, context, onEvent), callbackSet, "second callback")
	equal(c, c.fake.count("HcsWatchComputeSystem"), 1, "watches")
	document := `{"Status":0,"ExitType":"GracefulExit"}`
	c.fake.event("system", sys, document)
	c.fake.event("system", sys, document) // the service would not; the client hears it once all the same
	e := receive(c, l.events, "exit")
	equal(c, e.kind, eventSystemExited, "kind")
	equal(c, e.data, document, "data")
	none(c, l.events, "second exit")
	value(core, "HcsCloseComputeSystem", sys)
	c.fake.event("system", sys, document)
	none(c, l.events, "event after close")
}

func exitBeforeCallback(c *check) {
	sys := newSystem(c)
	l, context := listen()
	var o out
	go func() {
		c.fake.await(c, "HcsWatchComputeSystem")
		c.fake.event("system", sys, `{"ExitType":"ForcedExit"}`)
	}()
	equal(c, call(core, "HcsWaitForComputeSystemExit", sys, 5000, o.arg()), 0, "wait")
	equal(c, o.take(), `{"ExitType":"ForcedExit"}`, "document")
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 0, context, onEvent), 0, "set callback")
	equal(c, receive(c, l.events, "exit").kind, eventSystemExited, "kind")
	none(c, l.events, "second exit")
	value(core, "HcsCloseComputeSystem", sys)
}

func closeDrains(c *check) {
	sys := newSystem(c)
	l, context := listen()
	entered := make(chan bool, 1)
	var mu sync.Mutex
	left := false
	l.inside = func(event) {
		entered <- true
		time.Sleep(300 * time.Millisecond)
		mu.Lock()
		left = true
		mu.Unlock()
	}
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 0, context, onEvent), 0, "set callback")
	c.fake.event("system", sys, "{}")
	receive(c, entered, "callback")
	value(core, "HcsCloseComputeSystem", sys)
	mu.Lock()
	defer mu.Unlock()
	if !left {
		c.fatalf("close returned while the callback ran")
	}
}

func closeFromCallback(c *check) {
	sys := newSystem(c)
	l, context := listen()
	l.inside = func(event) { value(core, "HcsCloseComputeSystem", sys) }
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 0, context, onEvent), 0, "set callback")
	c.fake.event("system", sys, "{}")
	receive(c, l.events, "callback that closes")
	equal(c, c.fake.count("HcsCloseComputeSystem"), 1, "closes")
}

func waitForExit(c *check) {
	sys := newSystem(c)
	var o out
	equal(c, call(core, "HcsWaitForComputeSystemExit", sys, 100, o.arg()), opTimeout, "wait that runs out")
	result := make(chan uint32, 1)
	go func() { result <- call(core, "HcsWaitForComputeSystemExit", sys, 0xffffffff, 0) }()
	none(c, result, "wait while it runs")
	value(core, "HcsCloseComputeSystem", sys)
	equal(c, receive(c, result, "wait on a handle that is closed"), invalidHandle, "wait")
}

func documents(c *check) {
	long := `{"a":"` + strings.Repeat("é€😀", 200_000) + `"}`
	c.fake.on("HcsGetServiceProperties", func(args []string) answer { return ok(args[1]) })
	var o out
	equal(c, call(core, "HcsGetServiceProperties", text(long), o.arg()), 0, "call")
	if o.take() != long {
		c.fatalf("a document of %d bytes came back changed", len(long))
	}
	c.fake.always("HcsModifyServiceSettings", refuse(notImplemented, `{"Error":-2147467263}`))
	equal(c, call(core, "HcsModifyServiceSettings", text("{}"), o.arg()), notImplemented, "refused")
	equal(c, o.take(), `{"Error":-2147467263}`, "document of the refusal")
}

func manyAtOnce(c *check) {
	sys := newSystem(c)
	c.fake.on("HcsGetComputeSystemProperties", func(args []string) answer {
		time.Sleep(time.Duration(len(args[2])%7) * time.Millisecond) // replies overtake each other
		return ok(args[2])
	})
	errs := make(chan string, 16)
	for i := range 16 {
		go func() {
			for j := range 30 {
				query := strings.Repeat("x", i*30+j)
				op := value(core, "HcsCreateOperation", 0, 0)
				if code := call(core, "HcsGetComputeSystemProperties", sys, op, text(query)); code != 0 {
					errs <- fmt.Sprintf("code %#x", code)
					return
				}
				if code, document := wait(op); code != 0 || document != query {
					errs <- fmt.Sprintf("code %#x, a document of %d for %d bytes", code, len(document), len(query))
					return
				}
			}
			errs <- ""
		}()
	}
	for range 16 {
		equal(c, receive(c, errs, "worker"), "", "worker")
	}
	value(core, "HcsCloseComputeSystem", sys)
}
