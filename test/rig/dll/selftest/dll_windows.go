package main

import (
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	core    = windows.NewLazySystemDLL("computecore.dll")
	v1      = windows.NewLazySystemDLL("vmcompute.dll")
	network = windows.NewLazySystemDLL("computenetwork.dll")
	storage = windows.NewLazySystemDLL("computestorage.dll")

	coTaskMemFree = windows.NewLazySystemDLL("ole32.dll").NewProc("CoTaskMemFree")
)

// Codes the cases compare with; hcs-api §2.2.
const (
	opNotStarted     = 0x80370115
	opAlreadyStarted = 0x80370116
	opPending        = 0x80370117
	opTimeout        = 0x80370118
	callbackSet      = 0x80370119
	noProcessInfo    = 0x8037011D
	disconnect       = 0x8037011E
	invalidState     = 0x80370105
	alreadyExists    = 0x8037010F
	notFound         = 0x8037010E
	fileNotFound     = 0x80070002
	invalidHandle    = 0x80070006
	notImplemented   = 0x80004001
	elementNotFound  = 0x80070490

	v1Pend       = 0xC0370103
	v1Unexpected = 0xC0370106
	v1Disconnect = 0xC037011E

	eventSystemExited  = 0x1
	eventProcessExited = 0x10000
	eventOperation     = 0x01000000
	eventDisconnect    = 0x02000000
)

// pin gives an address to a DLL. What it points to stays where it is for the life of the program, which is short: on the heap, because
// a goroutine's stack moves.
func pin[T any](p *T) uintptr {
	pinned.Lock()
	defer pinned.Unlock()
	pinned.all = append(pinned.all, p)
	return uintptr(unsafe.Pointer(p))
}

var pinned struct {
	sync.Mutex
	all []any
}

func utf16(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err)
	}
	return p
}

// text is a string argument.
func text(s string) uintptr { return pin(utf16(s)) }

// call returns the HRESULT.
func call(dll *windows.LazyDLL, name string, args ...uintptr) uint32 {
	r, _, _ := dll.NewProc(name).Call(args...)
	return uint32(r)
}

// value returns what is not an HRESULT.
func value(dll *windows.LazyDLL, name string, args ...uintptr) uintptr {
	r, _, _ := dll.NewProc(name).Call(args...)
	return r
}

// out is an out parameter for a text.
type out struct{ p *uint16 }

func (o *out) arg() uintptr { return pin(o) }

// take returns the text and frees it; "" stands for NULL.
func (o *out) take() string {
	if o.p == nil {
		return ""
	}
	s := windows.UTF16PtrToString(o.p)
	coTaskMemFree.Call(uintptr(unsafe.Pointer(o.p)))
	o.p = nil
	return s
}

// outHandle is an out parameter for a handle, filled with rubbish that a failing call must clear.
type outHandle struct{ h uintptr }

func newOutHandle() *outHandle { return &outHandle{h: 0xdead} }

func (o *outHandle) arg() uintptr { return pin(o) }

// processInformation is HCS_PROCESS_INFORMATION.
type processInfo struct {
	pid, reserved uint32
	std           [3]windows.Handle
}

func (p *processInfo) arg() uintptr { return pin(p) }

// ---- callbacks: a context is an index of "heard"

// event is what a callback heard, of either ABI.
type event struct {
	kind   uint32
	status uint32
	data   string
	op     uintptr
}

type listener struct {
	events chan event
	inside func(event) // runs within the callback
}

var heard struct {
	sync.Mutex
	all []*listener
}

// listen returns a listener and the context to register it with.
func listen() (*listener, uintptr) {
	l := &listener{events: make(chan event, 100)}
	heard.Lock()
	defer heard.Unlock()
	heard.all = append(heard.all, l)
	return l, uintptr(len(heard.all))
}

func deliver(context uintptr, e event) uintptr {
	heard.Lock()
	l := heard.all[context-1]
	heard.Unlock()
	if l.inside != nil {
		l.inside(e)
	}
	l.events <- e
	return 0
}

type hcsEvent struct {
	kind uint32
	data *uint16
	op   uintptr
}

var (
	onEvent = syscall.NewCallback(func(e *hcsEvent, context uintptr) uintptr {
		return deliver(context, event{kind: e.kind, data: windows.UTF16PtrToString(e.data), op: e.op})
	})
	onCompletion = syscall.NewCallback(func(op, context uintptr) uintptr {
		return deliver(context, event{op: op})
	})
	onNotification = syscall.NewCallback(func(kind uint32, context uintptr, status uint32, data *uint16) uintptr {
		return deliver(context, event{kind: kind, status: status, data: windows.UTF16PtrToString(data)})
	})
)
