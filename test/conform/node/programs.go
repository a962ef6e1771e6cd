package node

import (
	"fmt"
	"strings"
	"time"
)

// Program is a running process. On the rig these are those of one Wine prefix and no others.
type Program struct {
	PID, Parent uint32
	Exe         string // file name of its program
}

// ProgramsNamed lists the running processes of a program.
func ProgramsNamed(exe string) ([]Program, error) {
	all, err := programs()
	if err != nil {
		return nil, fmt.Errorf("list of processes: %w", err)
	}
	var out []Program
	for _, p := range all {
		if strings.EqualFold(p.Exe, exe) {
			out = append(out, p)
		}
	}
	return out, nil
}

// GoneWithin polls until no process of the program runs, and returns how many are left.
func GoneWithin(exe string, d time.Duration) (int, error) {
	for end := time.Now().Add(d); ; time.Sleep(50 * time.Millisecond) {
		left, err := ProgramsNamed(exe)
		if err != nil || len(left) == 0 || time.Now().After(end) {
			return len(left), err
		}
	}
}

// ShimExe is the file that containerd runs for a runtime name: io.containerd.hcs.v1 is containerd-shim-hcs-v1.exe.
func ShimExe(runtime string) string {
	parts := strings.Split(runtime, ".")
	if len(parts) < 2 {
		return runtime
	}
	return "containerd-shim-" + strings.Join(parts[len(parts)-2:], "-") + ".exe"
}
