//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a Unix process that cannot be mistaken for a later one with the same id.
type process struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot
}

// processOf looks up a running process.
func processOf(pid int) (process, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, err
	}
	// The command name, in parentheses, may hold anything; the fields after it are counted from 3 (proc(5)).
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(f) < 20 {
		return process{}, fmt.Errorf("process %d: stat has %d fields", pid, len(f))
	}
	if f[0] == "Z" {
		return process{}, os.ErrNotExist
	}
	start, err := strconv.ParseUint(f[19], 10, 64)
	return process{Pid: pid, Start: start}, err
}

func (p process) alive() bool {
	now, err := processOf(p.Pid)
	return err == nil && now == p
}

// end kills the process and waits until it is gone.
func (p process) end(bound time.Duration) error {
	if !p.alive() {
		return nil
	}
	if err := syscall.Kill(p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %d: %w", p.Pid, err)
	}
	return poll(bound, func() error {
		if p.alive() {
			return fmt.Errorf("process %d is still there", p.Pid)
		}
		return nil
	})
}

// poll repeats f until it returns nil, and returns its last error when the bound passes.
func poll(bound time.Duration, f func() error) error {
	deadline := time.Now().Add(bound)
	for {
		err := f()
		if err == nil || errors.Is(err, errStop) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// errStop, wrapped, ends poll at once.
var errStop = errors.New("no use to wait")

// runs reports whether the program runs in the prefix, whoever started it: the tests that kill containerd start it again themselves.
func (in *Instance) runs(exe string) (bool, error) {
	lines, err := in.Programs()
	return slices.ContainsFunc(lines, func(line string) bool { return programOf(line) == exe }), err
}

// programOf is the file name of the program of a command line as /proc shows it, Wine's loader left out.
func programOf(line string) string {
	path, _, found := strings.Cut(line, ".exe")
	if !found {
		return ""
	}
	return path[strings.LastIndexAny(path, `\/ `)+1:] + ".exe"
}

// Programs lists the command lines of the Windows programs that run in the prefix. They are found by the environment they
// inherited; Wine makes the command line that /proc shows the Windows one.
func (in *Instance) Programs() ([]string, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	mine := []byte("WINEPREFIX=" + in.path("prefix"))
	var lines []string
	for _, d := range dirs {
		env, err := os.ReadFile(filepath.Join(d, "environ"))
		if err != nil {
			continue // it has ended, or is not ours to look at
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if !bytes.Equal(v, mine) {
				continue
			}
			cmd, err := os.ReadFile(filepath.Join(d, "cmdline"))
			if line := strings.TrimSpace(string(bytes.ReplaceAll(cmd, []byte{0}, []byte{' '}))); err == nil && line != "" {
				lines = append(lines, line)
			}
			break
		}
	}
	return lines, nil
}
