package main

import (
	"fmt"
	"strings"
	"time"
)

// program is a running process. On the rig these are those of one Wine prefix and no others.
type program struct {
	pid, parent uint32
	threads     uint32
	exe         string // file name of its program
}

// begun reports whether the process has come to its program, which is one of Go and has several threads at once. Wine leaves a process
// behind that never begins when its parent is killed within CreateProcess.
func (p program) begun() bool { return p.threads > 1 }

// programsNamed lists the running processes of a program.
func programsNamed(exe string) ([]program, error) {
	all, err := programs()
	if err != nil {
		return nil, fmt.Errorf("list of processes: %w", err)
	}
	var out []program
	for _, p := range all {
		if strings.EqualFold(p.exe, exe) {
			out = append(out, p)
		}
	}
	return out, nil
}

// beginBound is how long a process may take to begin.
const beginBound = 3 * time.Second

// goneWithin polls until no process of the program runs, and returns those that are left. One that does not begin is ended.
func goneWithin(exe string, d time.Duration) ([]program, error) {
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		left, err := programsNamed(exe)
		if err != nil || len(left) == 0 || time.Since(start) > d {
			return left, err
		}
		for _, p := range left {
			if !p.begun() && time.Since(start) > beginBound {
				if err := p.kill(); err != nil {
					return nil, err
				}
			}
		}
	}
}

// shimExe is the file that containerd runs for a runtime name: io.containerd.hcs.v1 is containerd-shim-hcs-v1.exe.
func shimExe(runtime string) string {
	parts := strings.Split(runtime, ".")
	if len(parts) < 2 {
		return runtime
	}
	return "containerd-shim-" + strings.Join(parts[len(parts)-2:], "-") + ".exe"
}
