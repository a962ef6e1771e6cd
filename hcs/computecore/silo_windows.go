package computecore

import (
	"context"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

// procOpenJobObject is NTSTATUS NtOpenJobObject(HANDLE* job, ACCESS_MASK access, const OBJECT_ATTRIBUTES* attributes): the Win32 call
// knows names of its own session's directory only.
var procOpenJobObject = windows.NewLazySystemDLL("ntdll.dll").NewProc("NtOpenJobObject")

// siloName is the job object of a system's silo, before the system's id (peer-runhcs §6.1).
const siloName = `\Container_`

const jobSetAttributes = 0x2 // JOB_OBJECT_SET_ATTRIBUTES

// groupAffinity is GROUP_AFFINITY.
type groupAffinity struct {
	mask     uintptr
	group    uint16
	reserved [3]uint16
}

func (s *system) SetAffinity(ctx context.Context, groups []schema.GroupAffinity) error {
	if len(groups) == 0 {
		return &hcs.Error{Op: setJob, ID: s.id, Code: hcs.ErrInvalidArgument, Message: "no processor group"}
	}
	list := make([]groupAffinity, len(groups))
	for i, g := range groups {
		list[i] = groupAffinity{mask: uintptr(g.Mask), group: g.Group}
	}
	return s.setSilo(ctx, windows.JobObjectGroupInformationEx, unsafe.Pointer(&list[0]), uintptr(len(list))*unsafe.Sizeof(list[0]))
}

// jobFreeze is JobObjectFreezeInformation. It has no documentation; the layout is that of Windows' public symbols.
const jobFreeze = 18

// freezeInformation is JOBOBJECT_FREEZE_INFORMATION.
type freezeInformation struct {
	operations   uint32 // what of the rest is meant: 1 for freeze
	freeze, swap bool
	reserved     [2]byte
	wakeFilter   [2]uint32
}

func (s *system) Freeze(ctx context.Context, frozen bool) error {
	f := freezeInformation{operations: 1, freeze: frozen}
	return s.setSilo(ctx, jobFreeze, unsafe.Pointer(&f), unsafe.Sizeof(f))
}

const setJob = "NtSetInformationJobObject"

// setSilo sets information of the job object of the system's silo.
func (s *system) setSilo(ctx context.Context, class uint32, data unsafe.Pointer, size uintptr) error {
	return call.Do(ctx, setJob, s.id, func() error {
		job, err := openSilo(s.id)
		if err != nil {
			return err
		}
		defer func() { _ = windows.CloseHandle(job) }()
		_, err = windows.SetInformationJobObject(job, class, uintptr(data), uint32(size)) //nolint:gosec // a few bytes
		runtime.KeepAlive(data)
		return call.Wrap(setJob, s.id, err)
	})
}

func openSilo(id string) (windows.Handle, error) {
	const name = "NtOpenJobObject"
	text, err := windows.NewNTUnicodeString(siloName + id)
	if err != nil {
		return 0, call.Wrap(name, id, err)
	}
	var job windows.Handle
	attributes := windows.OBJECT_ATTRIBUTES{ObjectName: text}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	status, _, _ := procOpenJobObject.Call(uintptr(unsafe.Pointer(&job)), jobSetAttributes, uintptr(unsafe.Pointer(&attributes)))
	if status != 0 {
		return 0, call.Wrap(name, id, windows.NTStatus(status).Errno())
	}
	return job, nil
}
