package main

import (
	"fmt"
	"strings"
	"time"
)

// program is a running process. On the rig these are those of one Wine prefix and no others.
type program struct {
	pid, parent uint32
	exe         string // file name of its program
}

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

// goneWithin polls until no process of the program runs, and returns how many are left.
func goneWithin(exe string, d time.Duration) (int, error) {
	for end := time.Now().Add(d); ; time.Sleep(50 * time.Millisecond) {
		left, err := programsNamed(exe)
		if err != nil || len(left) == 0 || time.Now().After(end) {
			return len(left), err
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
