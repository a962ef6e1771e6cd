package computecore

import (
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// dllFake stands in for computecore.dll, function by function, to show what the real one and the rig's cannot be made to show: the
// order of calls, the handles they use, and oddities. What a function does is a Go function of the test, looked up by name;
// its result is the HRESULT of the request. The test ends operations itself with end.
type dllFake struct {
	mu       sync.Mutex
	requests map[string]func(r request) hcs.Code
	calls    []request
	ops      map[uintptr]*fakeOp
	next     uintptr
	open     map[uintptr]string // handles that are open: "system", "process"
	contexts map[uintptr]uintptr
}

// request is one call of the DLL.
type request struct {
	name   string
	handle uintptr // system or process it is about
	op     uintptr
	text   string  // its document or id
	out    uintptr // where a new handle goes
}

type fakeOp struct {
	context, callback uintptr
	ended             bool
	code              hcs.Code
	doc               string
	info              processInformation
	closed            bool
}

type fakeProc struct{ addr uintptr }

func (p fakeProc) Find() error   { return nil }
func (p fakeProc) Addr() uintptr { return p.addr }

var (
	fakeNow  *dllFake // the test's
	fakeOnce sync.Once
)

func newFake(t *testing.T) *dllFake {
	fakeOnce.Do(install)
	d := &dllFake{requests: map[string]func(request) hcs.Code{}, ops: map[uintptr]*fakeOp{}, next: 100, open: map[uintptr]string{}, contexts: map[uintptr]uintptr{}}
	fakeNow = d
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for h, kind := range d.open {
			t.Errorf("%s handle %d left open", kind, h)
		}
		for h, op := range d.ops {
			if !op.closed {
				t.Errorf("operation %d left open", h)
			}
		}
		if n := call.Outlived(); n != 0 {
			t.Errorf("%d calls are still under way", n)
		}
		if len(events.m) != 0 || len(completions.m) != 0 {
			t.Errorf("contexts left: %d events, %d operations", len(events.m), len(completions.m))
		}
	})
	return d
}

// install points the procs at functions that hand over to the fake of the test that runs.
func install() {
	str := func(p uintptr) string { return windows.UTF16PtrToString(*(**uint16)(unsafe.Pointer(&p))) }
	set := func(p *proc, f any) { *p = fakeProc{windows.NewCallback(f)} }
	set(&procCreateOperation, func(context, callback uintptr) uintptr {
		return fakeNow.newOp(context, callback)
	})
	set(&procCloseOperation, func(op uintptr) uintptr { fakeNow.closeOp(op); return 0 })
	set(&procGetOperationResult, func(op uintptr, doc **uint16) uintptr { return fakeNow.result(op, nil, doc) })
	set(&procGetOperationResultProcessInfo, func(op uintptr, info *processInformation, doc **uint16) uintptr {
		return fakeNow.result(op, info, doc)
	})
	set(&procEnumerateComputeSystems, func(query, op uintptr) uintptr {
		return fakeNow.request(request{name: "Enumerate", text: str(query), op: op})
	})
	set(&procCreateComputeSystem, func(id, doc, op, _, out uintptr) uintptr {
		return fakeNow.request(request{name: "Create", text: str(id) + " " + str(doc), op: op, out: out})
	})
	set(&procOpenComputeSystem, func(id, _, out uintptr) uintptr {
		return fakeNow.request(request{name: "Open", text: str(id), out: out})
	})
	set(&procCreateProcess, func(system, doc, op, _, out uintptr) uintptr {
		return fakeNow.request(request{name: "CreateProcess", handle: system, text: str(doc), op: op, out: out})
	})
	set(&procOpenProcess, func(system, pid, _, out uintptr) uintptr {
		return fakeNow.request(request{name: "OpenProcess", handle: system, out: out})
	})
	set(&procGetProcessInfo, func(process, op uintptr) uintptr {
		return fakeNow.request(request{name: "GetProcessInfo", handle: process, op: op})
	})
	for name, p := range map[string]*proc{"CloseSystem": &procCloseComputeSystem, "CloseProcess": &procCloseProcess} {
		set(p, func(h uintptr) uintptr { fakeNow.closeHandle(name, h); return 0 })
	}
	for name, p := range map[string]*proc{"SetSystemCallback": &procSetComputeSystemCallback, "SetProcessCallback": &procSetProcessCallback} {
		set(p, func(h, _, context, callback uintptr) uintptr {
			fakeNow.mu.Lock()
			fakeNow.contexts[h] = context
			fakeNow.mu.Unlock()
			return fakeNow.request(request{name: name, handle: h})
		})
	}
	for name, p := range map[string]*proc{
		"Start": &procStartComputeSystem, "ShutDown": &procShutDownComputeSystem, "Terminate": &procTerminateComputeSystem,
		"GetProperties": &procGetComputeSystemProperties, "TerminateProcess": &procTerminateProcess, "Signal": &procSignalProcess,
		"GetProcessProperties": &procGetProcessProperties, "ModifyProcess": &procModifyProcess,
	} {
		set(p, func(h, op, doc uintptr) uintptr {
			return fakeNow.request(request{name: name, handle: h, op: op, text: str(doc)})
		})
	}
	set(&procModifyComputeSystem, func(h, op, doc, _ uintptr) uintptr {
		return fakeNow.request(request{name: "Modify", handle: h, op: op, text: str(doc)})
	})
}

func (d *dllFake) newOp(context, callback uintptr) uintptr {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.ops[d.next] = &fakeOp{context: context, callback: callback}
	return d.next
}

func (d *dllFake) closeOp(op uintptr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops[op].closed = true
}

func (d *dllFake) closeHandle(name string, h uintptr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, request{name: name, handle: h})
	delete(d.open, h) // a second close would not find it, and the calls tell
}

func (d *dllFake) result(op uintptr, info *processInformation, doc **uint16) uintptr {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.ops[op]
	if !o.ended {
		return uintptr(hcs.ErrOperationPending)
	}
	if info != nil {
		*info = o.info
	}
	*doc = localString(o.doc)
	return uintptr(o.code)
}

// localString allocates as the DLL does; take frees it.
func localString(s string) *uint16 {
	u, err := windows.UTF16FromString(s)
	if err != nil {
		panic(err)
	}
	h, err := windows.LocalAlloc(windows.LMEM_FIXED, uint32(2*len(u)))
	if err != nil {
		panic(err)
	}
	p := *(**uint16)(unsafe.Pointer(&h))
	copy(unsafe.Slice(p, len(u)), u)
	return p
}

func (d *dllFake) request(r request) uintptr {
	d.mu.Lock()
	d.calls = append(d.calls, r)
	f := d.requests[r.name]
	d.mu.Unlock()
	if f == nil {
		if r.op != 0 {
			d.end(r.op, call.OK, "")
		} else if r.out != 0 {
			d.give(r, "system")
		}
		return 0
	}
	return uintptr(f(r))
}

// give makes a handle and stores it where the call wants it.
func (d *dllFake) give(r request, kind string) uintptr {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.open[d.next] = kind
	**(**uintptr)(unsafe.Pointer(&r.out)) = d.next
	return d.next
}

// settle stores an operation's result, and notify calls its callback, as the DLL does on a thread of its own.
func (d *dllFake) settle(op uintptr, code hcs.Code, doc string, info processInformation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.ops[op]
	o.ended, o.code, o.doc, o.info = true, code, doc, info
}

func (d *dllFake) notify(op uintptr) {
	d.mu.Lock()
	o := d.ops[op]
	d.mu.Unlock()
	go syscall.SyscallN(o.callback, op, o.context)
}

func (d *dllFake) end(op uintptr, code hcs.Code, doc string) {
	d.settle(op, code, doc, processInformation{})
	d.notify(op)
}

// event sends one to the callback of a handle and returns when the callback has.
func (d *dllFake) event(h uintptr, typ uint32, data string) {
	d.mu.Lock()
	context := d.contexts[h]
	d.mu.Unlock()
	p, err := windows.UTF16PtrFromString(data)
	if err != nil {
		panic(err)
	}
	e := &hcsEvent{Type: typ, EventData: p}
	_, _, _ = syscall.SyscallN(eventCallback(), uintptr(unsafe.Pointer(e)), context)
}

// called are the calls of one name, in order.
func (d *dllFake) called(name string) []request {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []request
	for _, r := range d.calls {
		if r.name == name {
			found = append(found, r)
		}
	}
	return found
}
