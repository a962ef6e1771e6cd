//go:build !windows

package host

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// ProcessStart is when a process was started, in clock ticks since the boot: with its pid it names a process, as pids are reused.
func ProcessStart(pid uint32) (int64, error) {
	state, start, err := stat(pid)
	if err == nil && state == "Z" {
		err = fmt.Errorf("process %d: has exited", pid)
	}
	return start, err
}

// ProcessAlive reports whether the process that had this pid and start time still runs.
func ProcessAlive(pid uint32, start int64) bool {
	at, err := ProcessStart(pid)
	return err == nil && at == start
}

// stat reads the state and the start time from /proc; a system without one has no answer.
func stat(pid uint32) (string, int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0, fmt.Errorf("process %d: %w", pid, err)
	}
	// The name, field 2, is in parentheses and may contain anything; fields 3 and 22 are wanted.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return "", 0, fmt.Errorf("process %d: stat of %d fields", pid, len(fields)+2)
	}
	start, err := strconv.ParseInt(string(fields[19]), 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("process %d: start time: %w", pid, err)
	}
	return string(fields[0]), start, nil
}
