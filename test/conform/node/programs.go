package node

import (
	"fmt"
	"strings"
	"time"
)

// Program is a running process. On the rig these are those of one Wine prefix and no others.
type Program struct {
	PID, Parent uint32
	Threads     uint32
	Exe         string // file name of its program
}

// Begun reports whether the process has come to its program, which is one of Go and has several threads at once. Wine leaves a process
// behind that never begins when its parent is killed within CreateProcess.
func (p Program) Begun() bool { return p.Threads > 1 }

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

// beginBound is how long a process may take to begin.
const beginBound = 3 * time.Second

// GoneWithin polls until no process of the program runs, and returns those that are left. One that does not begin is ended.
func GoneWithin(exe string, d time.Duration) ([]Program, error) {
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		left, err := ProgramsNamed(exe)
		if err != nil || len(left) == 0 || time.Since(start) > d {
			return left, err
		}
		if time.Since(start) > beginBound {
			if err := EndUnbegun(exe); err != nil {
				return nil, err
			}
		}
	}
}

// EndUnbegun ends the processes of the program that have not begun.
func EndUnbegun(exe string) error {
	all, err := ProgramsNamed(exe)
	for _, p := range all {
		if err == nil && !p.Begun() {
			err = p.Kill()
		}
	}
	return err
}

// ShimExe is the file that containerd runs for a runtime name: io.containerd.hcs.v1 is containerd-shim-hcs-v1.exe.
func ShimExe(runtime string) string {
	parts := strings.Split(runtime, ".")
	if len(parts) < 2 {
		return runtime
	}
	return "containerd-shim-" + strings.Join(parts[len(parts)-2:], "-") + ".exe"
}

// Gauge is one thing that a process has and that must not grow.
type Gauge struct {
	Name  string
	N     int64
	Slack int64 // what it varies by itself
}

// Grown reports whether the gauge was less before: by more than one percent and by more than it varies by itself.
func (g Gauge) Grown(before Gauge) bool { return g.N > before.N+max(before.N/100, g.Slack) }
