package computecore

import (
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// events and completions are what the two callbacks look their contexts up in.
var events, completions table

// Looks at an operation whose callback has not come: the first after firstLook, then twice as long each time up to lastLook.
const (
	firstLook = 10 * time.Millisecond
	lastLook  = 2 * time.Second
)

// operation is one call that HCS tracks, from its request to its result.
type operation struct {
	name, id string                    // for errors
	request  func(op uintptr) hcs.Code // the DLL's function
	taken    func()                    // told when HCS has accepted the request; may be nil
	info     *processInformation       // filled from the result; nil when the function has none
}

// run makes the request and waits for its end, however long: it belongs on a goroutine of package call. It returns the result
// document.
func (o operation) run() (string, error) {
	done := make(chan struct{}, 1)
	context := completions.add(func(uint32, string) {
		select {
		case done <- struct{}{}:
		default:
		}
	})
	defer completions.remove(context)

	op, code := hcsCreateOperation(context)
	if call.Failed(code) {
		return "", call.Error("HcsCreateOperation for "+o.name, o.id, code, "")
	}
	defer hcsCloseOperation(op)

	code = o.request(op)
	if call.Failed(code) {
		// The error document of a request that was refused at once, when there is one.
		doc, _ := hcsGetOperationResult(op)
		return doc, call.Error(o.name, o.id, code, doc)
	}
	if o.taken != nil {
		o.taken()
	}
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		timer := time.NewTimer(wait)
		select {
		case <-done:
			timer.Stop()
		case <-timer.C:
		}
		var doc string
		if o.info != nil {
			doc, code = hcsGetOperationResultAndProcessInfo(op, o.info)
		} else {
			doc, code = hcsGetOperationResult(op)
		}
		if code != hcs.ErrOperationPending {
			return doc, call.Error(o.name, o.id, code, doc)
		}
	}
}
