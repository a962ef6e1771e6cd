package computecore

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

type ptr = unsafe.Pointer

const (
	genericAll  = 0x10000000 // access right of the open calls
	eventOption = 0          // HcsEventOptionNone
)

// HCS_OPERATION HcsCreateOperation(const void* context, HCS_OPERATION_COMPLETION callback); NULL: see GetLastError
func hcsCreateOperation(context uintptr) (uintptr, hcs.Code) {
	if code := find(procCreateOperation); call.Failed(code) {
		return 0, code
	}
	op, _, errno := syscall.SyscallN(procCreateOperation.Addr(), context, completionCallback())
	switch {
	case op != 0:
		return op, call.OK
	case errno != 0:
		return 0, call.FromWin32(errno)
	}
	return 0, call.FromWin32(windows.ERROR_NOT_ENOUGH_MEMORY)
}

// void HcsCloseOperation(HCS_OPERATION)
func hcsCloseOperation(op uintptr) { void(procCloseOperation, op) }

// HRESULT HcsGetOperationResult(HCS_OPERATION, PWSTR* resultDocument)
func hcsGetOperationResult(op uintptr) (string, hcs.Code) {
	var doc *uint16
	code := hresult(procGetOperationResult, op, uintptr(ptr(&doc)))
	return take(doc), code
}

// HRESULT HcsGetOperationResultAndProcessInfo(HCS_OPERATION, HCS_PROCESS_INFORMATION*, PWSTR* resultDocument)
func hcsGetOperationResultAndProcessInfo(op uintptr, info *processInformation) (string, hcs.Code) {
	var doc *uint16
	code := hresult(procGetOperationResultProcessInfo, op, uintptr(ptr(info)), uintptr(ptr(&doc)))
	return take(doc), code
}

// HRESULT HcsEnumerateComputeSystems(PCWSTR query, HCS_OPERATION)
func hcsEnumerateComputeSystems(query string, op uintptr) hcs.Code {
	return hresult(procEnumerateComputeSystems, uintptr(ptr(text(query))), op)
}

// HRESULT HcsCreateComputeSystem(PCWSTR id, PCWSTR configuration, HCS_OPERATION, const SECURITY_DESCRIPTOR*, HCS_SYSTEM*)
func hcsCreateComputeSystem(id, configuration string, op uintptr, system *uintptr) hcs.Code {
	return hresult(procCreateComputeSystem, uintptr(ptr(text(id))), uintptr(ptr(text(configuration))), op, 0, uintptr(ptr(system)))
}

// HRESULT HcsOpenComputeSystem(PCWSTR id, DWORD requestedAccess, HCS_SYSTEM*); blocks, has no operation
func hcsOpenComputeSystem(id string) (system uintptr, code hcs.Code) {
	code = hresult(procOpenComputeSystem, uintptr(ptr(text(id))), genericAll, uintptr(ptr(&system)))
	return system, code
}

// void HcsCloseComputeSystem(HCS_SYSTEM); blocks until running callbacks have returned
func hcsCloseComputeSystem(system uintptr) { void(procCloseComputeSystem, system) }

// HRESULT HcsStartComputeSystem(HCS_SYSTEM, HCS_OPERATION, PCWSTR options)
func hcsStartComputeSystem(system, op uintptr) hcs.Code {
	return hresult(procStartComputeSystem, system, op, uintptr(ptr(text(""))))
}

// HRESULT HcsShutDownComputeSystem(HCS_SYSTEM, HCS_OPERATION, PCWSTR options)
func hcsShutDownComputeSystem(system, op uintptr) hcs.Code {
	return hresult(procShutDownComputeSystem, system, op, uintptr(ptr(text(""))))
}

// HRESULT HcsTerminateComputeSystem(HCS_SYSTEM, HCS_OPERATION, PCWSTR options)
func hcsTerminateComputeSystem(system, op uintptr) hcs.Code {
	return hresult(procTerminateComputeSystem, system, op, uintptr(ptr(text(""))))
}

// HRESULT HcsGetComputeSystemProperties(HCS_SYSTEM, HCS_OPERATION, PCWSTR propertyQuery)
func hcsGetComputeSystemProperties(system, op uintptr, query string) hcs.Code {
	return hresult(procGetComputeSystemProperties, system, op, uintptr(ptr(text(query))))
}

// HRESULT HcsModifyComputeSystem(HCS_SYSTEM, HCS_OPERATION, PCWSTR configuration, HANDLE identity)
func hcsModifyComputeSystem(system, op uintptr, configuration string) hcs.Code {
	return hresult(procModifyComputeSystem, system, op, uintptr(ptr(text(configuration))), 0)
}

// HRESULT HcsSetComputeSystemCallback(HCS_SYSTEM, HCS_EVENT_OPTIONS, const void* context, HCS_EVENT_CALLBACK)
func hcsSetComputeSystemCallback(system, context uintptr) hcs.Code {
	return hresult(procSetComputeSystemCallback, system, eventOption, context, eventCallback())
}

// HRESULT HcsCreateProcess(HCS_SYSTEM, PCWSTR processParameters, HCS_OPERATION, const SECURITY_DESCRIPTOR*, HCS_PROCESS*)
func hcsCreateProcess(system uintptr, parameters string, op uintptr, process *uintptr) hcs.Code {
	return hresult(procCreateProcess, system, uintptr(ptr(text(parameters))), op, 0, uintptr(ptr(process)))
}

// HRESULT HcsOpenProcess(HCS_SYSTEM, DWORD processId, DWORD requestedAccess, HCS_PROCESS*); blocks, has no operation
func hcsOpenProcess(system uintptr, pid uint32) (process uintptr, code hcs.Code) {
	code = hresult(procOpenProcess, system, uintptr(pid), genericAll, uintptr(ptr(&process)))
	return process, code
}

// void HcsCloseProcess(HCS_PROCESS); blocks until running callbacks have returned
func hcsCloseProcess(process uintptr) { void(procCloseProcess, process) }

// HRESULT HcsTerminateProcess(HCS_PROCESS, HCS_OPERATION, PCWSTR options)
func hcsTerminateProcess(process, op uintptr) hcs.Code {
	return hresult(procTerminateProcess, process, op, uintptr(ptr(text(""))))
}

// HRESULT HcsSignalProcess(HCS_PROCESS, HCS_OPERATION, PCWSTR options)
func hcsSignalProcess(process, op uintptr, options string) hcs.Code {
	return hresult(procSignalProcess, process, op, uintptr(ptr(text(options))))
}

// HRESULT HcsGetProcessInfo(HCS_PROCESS, HCS_OPERATION); the answer is in HcsGetOperationResultAndProcessInfo
func hcsGetProcessInfo(process, op uintptr) hcs.Code {
	return hresult(procGetProcessInfo, process, op)
}

// HRESULT HcsGetProcessProperties(HCS_PROCESS, HCS_OPERATION, PCWSTR propertyQuery)
func hcsGetProcessProperties(process, op uintptr) hcs.Code {
	return hresult(procGetProcessProperties, process, op, uintptr(ptr(text(""))))
}

// HRESULT HcsModifyProcess(HCS_PROCESS, HCS_OPERATION, PCWSTR settings)
func hcsModifyProcess(process, op uintptr, settings string) hcs.Code {
	return hresult(procModifyProcess, process, op, uintptr(ptr(text(settings))))
}

// HRESULT HcsSetProcessCallback(HCS_PROCESS, HCS_EVENT_OPTIONS, const void* context, HCS_EVENT_CALLBACK)
func hcsSetProcessCallback(process, context uintptr) hcs.Code {
	return hresult(procSetProcessCallback, process, eventOption, context, eventCallback())
}
