//go:build linux

package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Programs are the running processes of a Windows program in the rig's Wine prefix and no other, by their Linux ids, which the kernel's
// /proc tells with their command lines and environments (proc(5)).
func (r Rig) Programs(exe string) ([]int, error) {
	prefix, err := filepath.EvalSymlinks(filepath.Join(r.Dir, "prefix"))
	if err != nil {
		return nil, err
	}
	if prefix, err = filepath.Abs(prefix); err != nil {
		return nil, err
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var out []int
	for _, dir := range dirs {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !runsProgram(line, exe) {
			continue // it has ended, or is another one
		}
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, env...), []byte("\x00WINEPREFIX="+prefix+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		out = append(out, pid)
	}
	return out, nil
}

// runsProgram reports whether a command line, its words ended by zeros, is of the Windows program: Wine shows the Windows one, whose
// first word is a path, sometimes after the name of its own loader.
func runsProgram(line []byte, exe string) bool {
	words := strings.Split(string(line), "\x00")
	for _, w := range words[:min(2, len(words))] {
		w = strings.Trim(w, `"`)
		if strings.EqualFold(w[strings.LastIndexAny(w, `\/`)+1:], exe) {
			return true
		}
	}
	return false
}

// Kill ends a process of the prefix where it stands and returns when it is gone.
func Kill(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	for range 100 {
		if syscall.Kill(pid, 0) != nil || isZombie(pid) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("process %d is still there 10 s after it was killed", pid)
}

// isZombie: it has ended, and its parent has not asked yet.
func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := bytes.Cut(b, []byte(") ")) // the name, in brackets, may hold anything
	return len(rest) > 0 && rest[0] == 'Z'
}
