package winhost

import (
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

const attributeJobList = 0x2000D // PROC_THREAD_ATTRIBUTE_JOB_LIST

// spawn starts a process in the job that inherits the three handles and no other.
func (g *group) spawn(exe, line, dir string, env []string, std [3]windows.Handle) (windows.Handle, uint32, error) {
	attrs, err := windows.NewProcThreadAttributeList(2)
	if err != nil {
		return 0, 0, err
	}
	defer attrs.Delete()
	handles := append([]windows.Handle(nil), std[:]...)
	if err := attrs.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&handles[0]), uintptr(len(handles))*unsafe.Sizeof(handles[0])); err != nil {
		return 0, 0, err
	}
	jobs := []windows.Handle{g.job}
	if err := attrs.Update(attributeJobList, unsafe.Pointer(&jobs[0]), unsafe.Sizeof(jobs[0])); err != nil {
		return 0, 0, err
	}
	si := &windows.StartupInfoEx{ProcThreadAttributeList: attrs.List()}
	si.Cb = uint32(unsafe.Sizeof(*si))
	si.Flags = windows.STARTF_USESTDHANDLES
	si.StdInput, si.StdOutput, si.StdErr = std[0], std[1], std[2]
	exe16, err := windows.UTF16PtrFromString(exe)
	if err != nil {
		return 0, 0, err
	}
	line16, err := windows.UTF16FromString(line)
	if err != nil {
		return 0, 0, err
	}
	dir16, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var block []uint16
	for _, e := range env {
		s, err := windows.UTF16FromString(e)
		if err != nil {
			return 0, 0, err
		}
		block = append(block, s...)
	}
	block = append(block, 0, 0)
	var pi windows.ProcessInformation
	// With the service's console, which Wine gives a program that is started from Unix: a process without one would have its children
	// make one, with a conhost.exe each, and cmd.exe's children would write there instead of to the inherited stdout.
	const flags = windows.EXTENDED_STARTUPINFO_PRESENT | windows.CREATE_UNICODE_ENVIRONMENT
	if err := windows.CreateProcess(exe16, &line16[0], nil, nil, true, flags, &block[0], dir16, &si.StartupInfo, &pi); err != nil {
		return 0, 0, err
	}
	windows.CloseHandle(pi.Thread)
	return pi.Process, pi.ProcessId, nil
}

// running is one process. It implements sim.Running.
type running struct {
	g    *group
	pid  uint32
	std  *stdio
	done chan struct{} // closed when code is known
	code uint32

	mu sync.Mutex
	h  windows.Handle // 0 when the process has ended
}

func (r *running) Pid() uint32 { return r.pid }

// watch waits for the end, and lets the handle and with it the process id go.
func (r *running) watch() {
	defer close(r.done)
	r.code = unknownCode
	if _, err := windows.WaitForSingleObject(r.h, windows.INFINITE); err == nil {
		if err := windows.GetExitCodeProcess(r.h, &r.code); err != nil {
			r.code = unknownCode
		}
	}
	r.mu.Lock()
	windows.CloseHandle(r.h)
	r.h = 0
	r.mu.Unlock()
	r.g.sample()
	r.std.drained(drainPatience)
}

const (
	unknownCode = 0xFFFFFFFF
	// drainPatience bounds how long the end of a process waits for what it wrote to its terminal, in case a child holds that open.
	drainPatience = time.Second
)

// Wait implements sim.Running.
func (r *running) Wait() uint32 {
	<-r.done
	return r.code
}

// Kill implements sim.Running. A process that has just ended cannot be killed, which is as good.
func (r *running) Kill(code uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.h != 0 {
		_ = windows.TerminateProcess(r.h, code)
	}
}

// CloseStdin implements sim.Running.
func (r *running) CloseStdin() { r.std.closeStdin() }

// Resize implements sim.Running. The model keeps the size; a process on pipes has nowhere to ask for it.
func (r *running) Resize(width, height uint16) {}

var (
	kernel32           = windows.NewLazySystemDLL("kernel32.dll")
	createRemoteThread = kernel32.NewProc("CreateRemoteThread")
	ctrlRoutine        = kernel32.NewProc("CtrlRoutine")
)

// events are the numbers of the console control events.
var events = map[schema.Signal]uintptr{schema.CtrlC: 0, schema.CtrlBreak: 1, schema.CtrlClose: 2, schema.CtrlLogOff: 5, schema.CtrlShutdown: 6}

// Signal runs the system's own handler in the process and in those that descend from it: GenerateConsoleCtrlEvent needs a console,
// which Wine gives no process of a service (hcs-api §8.3).
func (r *running) Signal(s schema.Signal) error {
	event, ok := events[s]
	if !ok {
		return &hcs.Error{Op: "signal", ID: string(s), Code: hcs.ErrInvalidArgument}
	}
	if err := ctrlRoutine.Find(); err != nil {
		return err
	}
	if !r.g.later(func() { r.tell(event) }) {
		r.tell(event)
	}
	return nil
}

func (r *running) tell(event uintptr) {
	for _, pid := range family(r.pid, r.g.running()) {
		_ = deliver(pid, event) // one that has just ended cannot be told
	}
}

func deliver(pid uint32, event uintptr) error {
	h, err := windows.OpenProcess(windows.PROCESS_CREATE_THREAD|windows.PROCESS_VM_OPERATION|windows.PROCESS_QUERY_INFORMATION, false, pid)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	t, _, err := createRemoteThread.Call(uintptr(h), 0, 0, ctrlRoutine.Addr(), event, 0, 0)
	if t == 0 {
		return err
	}
	return windows.CloseHandle(windows.Handle(t))
}

// process is what the system says of one.
type process struct {
	pid, parent              uint32
	image                    string
	born                     int64
	user, kernel             uint64
	commit, private, working uint64
}

// snapshot is all processes of the machine: Wine answers questions about one other process with the asker's own times.
func snapshot() map[uint32]process {
	for size := uint32(256 << 10); size <= 16<<20; size *= 2 {
		buf := make([]byte, size)
		var n uint32
		err := windows.NtQuerySystemInformation(windows.SystemProcessInformation, unsafe.Pointer(&buf[0]), size, &n)
		if err == windows.STATUS_INFO_LENGTH_MISMATCH {
			continue
		}
		if err != nil {
			return nil
		}
		out := map[uint32]process{}
		for at := uint32(0); ; {
			p := (*windows.SYSTEM_PROCESS_INFORMATION)(unsafe.Pointer(&buf[at]))
			out[uint32(p.UniqueProcessID)] = process{
				pid: uint32(p.UniqueProcessID), parent: uint32(p.InheritedFromUniqueProcessID), image: p.ImageName.String(), born: p.CreateTime,
				user: uint64(p.UserTime), kernel: uint64(p.KernelTime),
				// Wine gives as PagefileUsage what is anonymous in memory and swapped out, and no private working set.
				commit: uint64(p.PagefileUsage), private: uint64(min(p.PagefileUsage, p.WorkingSetSize)), working: uint64(p.WorkingSetSize),
			}
			if p.NextEntryOffset == 0 {
				return out
			}
			at += p.NextEntryOffset
		}
	}
	return nil
}

// family is a process and those of the job that descend from it.
func family(pid uint32, job []uint32) []uint32 {
	all := snapshot()
	out := []uint32{pid}
	for i := 0; i < len(out); i++ {
		for _, p := range job {
			if p != pid && all[p].parent == out[i] {
				out = append(out, p)
			}
		}
	}
	return out
}
