package main

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

func programs() ([]program, error) {
	snap, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(snap)
	e := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	var out []program
	for err = windows.Process32First(snap, &e); err == nil; err = windows.Process32Next(snap, &e) {
		out = append(out, program{pid: e.ProcessID, parent: e.ParentProcessID, exe: windows.UTF16ToString(e.ExeFile[:])})
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return out, nil
}

// kill ends the process where it stands and returns when it is gone. One that had ended is no error.
func (p program) kill() error {
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE|windows.SYNCHRONIZE, false, p.pid)
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
	return fmt.Errorf("end %s (%d): %w", p.exe, p.pid, errors.Join(err, errors.New("it is still there after 10 s")))
}
