package node

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

func programs() ([]Program, error) {
	snap, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(snap)
	e := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	var out []Program
	for err = windows.Process32First(snap, &e); err == nil; err = windows.Process32Next(snap, &e) {
		out = append(out, Program{PID: e.ProcessID, Parent: e.ParentProcessID, Threads: e.Threads, Exe: windows.UTF16ToString(e.ExeFile[:])})
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return out, nil
}

// CommandLine reads it from the process's own memory, where Windows keeps it: Wine 8 knows no other way.
func (p Program) CommandLine() (string, error) {
	line, err := readCommandLine(p.PID)
	if err != nil {
		return "", fmt.Errorf("command line of process %d: %w", p.PID, err)
	}
	return line, nil
}

func readCommandLine(pid uint32) (string, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION|windows.PROCESS_VM_READ, false, pid)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(h)
	var info windows.PROCESS_BASIC_INFORMATION
	if err := windows.NtQueryInformationProcess(h, windows.ProcessBasicInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil); err != nil {
		return "", err
	}
	read := func(from unsafe.Pointer, to unsafe.Pointer, n uintptr) error {
		return windows.ReadProcessMemory(h, uintptr(from), (*byte)(to), n, nil)
	}
	var peb windows.PEB
	if err := read(unsafe.Pointer(info.PebBaseAddress), unsafe.Pointer(&peb), unsafe.Sizeof(peb)); err != nil {
		return "", err
	}
	var params windows.RTL_USER_PROCESS_PARAMETERS
	if err := read(unsafe.Pointer(peb.ProcessParameters), unsafe.Pointer(&params), unsafe.Sizeof(params)); err != nil {
		return "", err
	}
	text := make([]uint16, params.CommandLine.Length/2+1)
	if err := read(unsafe.Pointer(params.CommandLine.Buffer), unsafe.Pointer(&text[0]), uintptr(params.CommandLine.Length)); err != nil {
		return "", err
	}
	return windows.UTF16ToString(text), nil
}

var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	getProcessMemoryInfo = kernel32.NewProc("K32GetProcessMemoryInfo")
)

// memoryCounters is PROCESS_MEMORY_COUNTERS_EX.
type memoryCounters struct {
	size, faults                             uint32
	peakWorkingSet, workingSet               uintptr
	peakPaged, paged, peakNonPaged, nonPaged uintptr
	pagefile, peakPagefile, private          uintptr
}

// handleEntry is SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX.
type handleEntry struct {
	object, pid, handle  uintptr
	access               uint32
	trace, kind          uint16
	attributes, reserved uint32
}

// handlesOf counts the open handles of a process. GetProcessHandleCount, which would be the way on Windows, tells 0 on Wine.
func handlesOf(pid uint32) (int64, error) {
	const entry, header = unsafe.Sizeof(handleEntry{}), 2 * unsafe.Sizeof(uintptr(0))
	for size := uintptr(1 << 20); ; size *= 2 {
		buf := make([]uintptr, size/unsafe.Sizeof(uintptr(0)))
		err := windows.NtQuerySystemInformation(windows.SystemExtendedHandleInformation, unsafe.Pointer(&buf[0]), uint32(size), nil)
		if errors.Is(err, windows.STATUS_INFO_LENGTH_MISMATCH) && size < 1<<28 {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("handles: %w", err)
		}
		if header+buf[0]*entry > size {
			return 0, fmt.Errorf("handles: %d of them in %d bytes", buf[0], size)
		}
		var n int64
		for _, e := range unsafe.Slice((*handleEntry)(unsafe.Pointer(&buf[2])), buf[0]) {
			if e.pid == uintptr(pid) {
				n++
			}
		}
		if n == 0 {
			return 0, fmt.Errorf("handles: process %d has none", pid)
		}
		return n, nil
	}
}

// Gauges are those of the process: handles, threads, memory.
func (p Program) Gauges() ([]Gauge, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION|windows.PROCESS_VM_READ, false, p.PID)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(h)
	handles, err := handlesOf(p.PID)
	if err != nil {
		return nil, err
	}
	var m memoryCounters
	m.size = uint32(unsafe.Sizeof(m))
	if ok, _, err := getProcessMemoryInfo.Call(uintptr(h), uintptr(unsafe.Pointer(&m)), uintptr(m.size)); ok == 0 {
		return nil, fmt.Errorf("memory counters: %w", err)
	}
	now, err := ProgramsNamed(p.Exe)
	if err != nil {
		return nil, err
	}
	for _, q := range now {
		if q.PID == p.PID {
			return []Gauge{
				// Go gives a thread four or five, some when it first needs them: itself, events, a timer.
				{Name: "handles", N: handles, Slack: 8},
				{Name: "threads", N: int64(q.Threads), Slack: 1},
				// The heap is somewhere between two collections, which are up to 4 MiB apart.
				{Name: "working set, KiB", N: int64(m.workingSet >> 10), Slack: 4 << 10},
			}, nil
		}
	}
	return nil, fmt.Errorf("process %d has ended", p.PID)
}

// Kill ends the process where it stands and returns when it is gone. One that had ended is no error.
func (p Program) Kill() error {
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE|windows.SYNCHRONIZE, false, p.PID)
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) { // no such process
		return nil
	}
	if err == nil {
		defer windows.CloseHandle(h)
		err = windows.TerminateProcess(h, 9)
		// The call is refused for a process that is ending.
		if ev, werr := windows.WaitForSingleObject(h, 10_000); werr == nil && ev == windows.WAIT_OBJECT_0 {
			return nil
		}
	}
	return fmt.Errorf("end %s (%d): %w", p.Exe, p.PID, errors.Join(err, errors.New("it is still there after 10 s")))
}
