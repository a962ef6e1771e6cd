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
		out = append(out, Program{PID: e.ProcessID, Parent: e.ParentProcessID, Exe: windows.UTF16ToString(e.ExeFile[:])})
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return out, nil
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
