package computecore

// The structures and constants of computecore.h and computedefs.h, for 64-bit Windows. Sources: hcs-api §1.2, Microsoft's
// virtualization/api/hcs/Reference.

// processInformation is HCS_PROCESS_INFORMATION. A stream that was not asked for is 0 or INVALID_HANDLE_VALUE.
type processInformation struct {
	ProcessID uint32
	_         uint32
	StdInput  uintptr
	StdOutput uintptr
	StdError  uintptr
}

// hcsEvent is HCS_EVENT. It and the string are valid only during the callback.
type hcsEvent struct {
	Type      uint32
	EventData *uint16
	Operation uintptr
}

// Event types that are acted on; the others concern virtual machines.
const (
	eventSystemExited      = 0x00000001
	eventProcessExited     = 0x00010000
	eventServiceDisconnect = 0x02000000
)
