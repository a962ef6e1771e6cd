package host

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
)

// ProcessStart is when a process was created, in 100 ns since 1601: with its pid it names a process for good, as pids are reused.
func ProcessStart(pid uint32) (int64, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return 0, fmt.Errorf("process %d: open: %w", pid, err)
	}
	defer closeHandle(h)
	return created(h, pid)
}

func created(h windows.Handle, pid uint32) (int64, error) {
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(h, &created, &exited, &kernel, &user); err != nil {
		return 0, fmt.Errorf("process %d: times: %w", pid, err)
	}
	return int64(created.HighDateTime)<<32 | int64(created.LowDateTime), nil
}

// ProcessAlive reports whether the process that had this pid and start time still runs. What may not be asked counts as alive: it
// is then a process of somebody else, and what it holds is not ours to take.
func ProcessAlive(pid uint32, start int64) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, pid)
	if err != nil {
		return errors.Is(err, windows.ERROR_ACCESS_DENIED)
	}
	defer closeHandle(h)
	if at, err := created(h, pid); err != nil || at != start {
		return err != nil
	}
	// The exit code does not tell: 259 is also a code.
	r, err := windows.WaitForSingleObject(h, 0)
	return err != nil || r == uint32(windows.WAIT_TIMEOUT)
}
