//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	if errors.Is(err, syscall.ESRCH) { // it ended between the open and the read
		err = os.ErrNotExist
	}
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

// spawn starts a program that outlives this process, with its output at the end of a file. In its own session, because a terminal's Ctrl-C is
// not meant for it.
func spawn(cmd *exec.Cmd, logPath string) (process, error) {
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return process{}, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return process{}, fmt.Errorf("start %s: %w", strings.Join(cmd.Args, " "), err)
	}
	go func() { _ = cmd.Wait() }() // so that alive sees its end while this process lives
	return processOf(cmd.Process.Pid)
}

func (p process) alive() bool {
	now, err := processOf(p.Pid)
	return err == nil && now == p
}

// ask makes Wine tell the process of a Ctrl-C, and gives it that long to end by itself.
func (p process) ask(bound time.Duration) {
	if p.alive() && syscall.Kill(p.Pid, syscall.SIGINT) == nil {
		_ = poll(bound, func() error {
			if p.alive() {
				return fmt.Errorf("process %d is still there", p.Pid)
			}
			return nil
		})
	}
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
	found, err := in.find(exe)
	return len(found) > 0, err
}

// find returns the processes in the prefix that run the program.
func (in *Instance) find(exe string) ([]process, error) {
	all, err := in.programs()
	if err != nil {
		return nil, err
	}
	var found []process
	for _, r := range all {
		if programOf(r.line) != exe {
			continue
		}
		if p, err := processOf(r.pid); err == nil {
			found = append(found, p)
		}
	}
	return found, nil
}

// programOf is the file name of the program of a command line as /proc shows it, Wine's loader left out.
func programOf(line string) string {
	path, _, found := strings.Cut(line, ".exe")
	if !found {
		return ""
	}
	return path[strings.LastIndexAny(path, `\/ `)+1:] + ".exe"
}

// Programs lists the command lines of the Windows programs that run in the prefix.
func (in *Instance) Programs() ([]string, error) {
	all, err := in.programs()
	lines := make([]string, len(all))
	for i, r := range all {
		lines[i] = r.line
	}
	return lines, err
}

type program struct {
	pid  int
	line string
}

// programs lists the Windows programs in the prefix. They are found by the environment they inherited; Wine makes the command line that /proc
// shows the Windows one.
func (in *Instance) programs() ([]program, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []program
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if err != nil || !hasEnv(pid, "WINEPREFIX="+in.path("prefix")) {
			continue
		}
		cmd, err := os.ReadFile(filepath.Join(d, "cmdline"))
		if line := strings.TrimSpace(string(bytes.ReplaceAll(cmd, []byte{0}, []byte{' '}))); err == nil && line != "" {
			found = append(found, program{pid, line})
		}
	}
	return found, nil
}

// hasEnv reports whether the process began with this NAME=VALUE in its environment; not, if it has ended or is not ours to look at.
func hasEnv(pid int, setting string) bool {
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if string(v) == setting {
			return true
		}
	}
	return false
}
