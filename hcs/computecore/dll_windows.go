package computecore

import (
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// The DLL's functions, one to one, from computecore.h (Microsoft, virtualization/api/hcs/Reference). They run on the calling
// thread; whether a function blocks is said where it may.

var dll = windows.NewLazySystemDLL("computecore.dll")

// proc is a *windows.LazyProc; the tests have others.
type proc interface {
	Find() error
	Addr() uintptr
}

func fn(name string) proc { return dll.NewProc(name) }

var (
	procCreateOperation               = fn("HcsCreateOperation")
	procCloseOperation                = fn("HcsCloseOperation")
	procGetOperationResult            = fn("HcsGetOperationResult")
	procGetOperationResultProcessInfo = fn("HcsGetOperationResultAndProcessInfo")
	procEnumerateComputeSystems       = fn("HcsEnumerateComputeSystems")
	procCreateComputeSystem           = fn("HcsCreateComputeSystem")
	procOpenComputeSystem             = fn("HcsOpenComputeSystem")
	procCloseComputeSystem            = fn("HcsCloseComputeSystem")
	procStartComputeSystem            = fn("HcsStartComputeSystem")
	procShutDownComputeSystem         = fn("HcsShutDownComputeSystem")
	procTerminateComputeSystem        = fn("HcsTerminateComputeSystem")
	procGetComputeSystemProperties    = fn("HcsGetComputeSystemProperties")
	procModifyComputeSystem           = fn("HcsModifyComputeSystem")
	procSetComputeSystemCallback      = fn("HcsSetComputeSystemCallback")
	procCreateProcess                 = fn("HcsCreateProcess")
	procOpenProcess                   = fn("HcsOpenProcess")
	procCloseProcess                  = fn("HcsCloseProcess")
	procTerminateProcess              = fn("HcsTerminateProcess")
	procSignalProcess                 = fn("HcsSignalProcess")
	procGetProcessInfo                = fn("HcsGetProcessInfo")
	procGetProcessProperties          = fn("HcsGetProcessProperties")
	procModifyProcess                 = fn("HcsModifyProcess")
	procSetProcessCallback            = fn("HcsSetProcessCallback")
)

// find loads the DLL and the function. A missing one is a code: ERROR_MOD_NOT_FOUND or ERROR_PROC_NOT_FOUND.
func find(p proc) hcs.Code {
	return hcs.CodeOf(call.Wrap("", "", p.Find()))
}

// hresult calls a function that returns HRESULT.
//
//go:uintptrescapes
func hresult(p proc, args ...uintptr) hcs.Code {
	if code := find(p); call.Failed(code) {
		return code
	}
	r, _, _ := syscall.SyscallN(p.Addr(), args...)
	return hcs.Code(uint32(r))
}

// void calls a function that returns nothing. The export exists: what it closes came from its DLL.
func void(p proc, handle uintptr) {
	if find(p) == call.OK {
		_, _, _ = syscall.SyscallN(p.Addr(), handle)
	}
}

// text is a PCWSTR argument; an absent one is the empty string. Documents are JSON, which has no NUL, and ids are checked before.
func text(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err)
	}
	return p
}

// take converts a PWSTR out-parameter and frees it; the reference says with LocalFree.
func take(p *uint16) string {
	if p == nil {
		return ""
	}
	s := windows.UTF16PtrToString(p)
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(p)))
	return s
}

// void CALLBACK HCS_EVENT_CALLBACK(HCS_EVENT* event, void* context)
var eventCallback = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(event *hcsEvent, context uintptr) uintptr {
		data := ""
		if event.EventData != nil {
			data = windows.UTF16PtrToString(event.EventData) // the DLL's, not ours to free
		}
		events.call(context, event.Type, data)
		return 0
	})
})

// void CALLBACK HCS_OPERATION_COMPLETION(HCS_OPERATION operation, void* context)
var completionCallback = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(_, context uintptr) uintptr {
		completions.call(context, 0, "")
		return 0
	})
})
