package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test's executable is the child too: childEnv says what it does.
const childEnv = "HOST_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		os.Exit(child(mode))
	}
	os.Exit(m.Run())
}

func child(mode string) int {
	switch mode {
	case "serves": // says what it reads and sees, says that it is ready, goes on
		in, err := io.ReadAll(os.Stdin)
		if err != nil {
			return 1
		}
		dir, _ := os.Getwd()
		if err := os.WriteFile(os.Args[1], fmt.Appendf(nil, "%s|%s|%s", in, dir, strings.Join(os.Args[2:], ",")), 0o600); err != nil {
			return 1
		}
		if Ready() != nil || os.Getenv(readyEnv) != "" || Ready() != nil {
			return 1
		}
		time.Sleep(time.Minute)
	case "refuses":
		if ReadyError(errors.New("no ledger directory")) != nil {
			return 1
		}
		time.Sleep(time.Minute)
	case "dies":
		fmt.Fprintln(os.Stderr, "panic: of course")
		return 7
	case "hangs":
		time.Sleep(time.Minute)
	case "locks":
		if _, err := TryLockFile(os.Args[1]); err != nil {
			return 1
		}
		if Ready() != nil {
			return 1
		}
		time.Sleep(time.Minute)
	}
	return 0
}

func spawn(t *testing.T, mode string, c Child) *Spawned {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Exe = exe
	c.Env = append(os.Environ(), childEnv+"="+mode)
	s, err := Spawn(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		<-s.exited
	})
	return s
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestSpawnedIsReady(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	in := strings.Repeat("x", 100_000) // more than a pipe holds
	s := spawn(t, "serves", Child{Args: []string{out, `a b`, `c"d`}, Dir: dir, Stdin: []byte(in)})
	if err := s.Ready(within(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(got), "|")
	if len(parts) != 3 || parts[0] != in || parts[2] != `a b,c"d` {
		t.Fatalf("%d parts, %.80q", len(parts), got)
	}
	if a, b := real(t, parts[1]), real(t, dir); !os.SameFile(a, b) {
		t.Fatal("works in", parts[1], "not", dir)
	}
	start, err := ProcessStart(uint32(s.Pid))
	if err != nil || !ProcessAlive(uint32(s.Pid), start) {
		t.Fatal(start, err)
	}
	if ProcessAlive(uint32(s.Pid), start+1) {
		t.Fatal("alive with another start time")
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	if ProcessAlive(uint32(s.Pid), start) {
		t.Fatal("alive after its end")
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
}

func real(t *testing.T, path string) os.FileInfo {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestSpawnedSaysWhyNot(t *testing.T) {
	s := spawn(t, "refuses", Child{})
	if err := s.Ready(within(t, 30*time.Second)); err == nil || err.Error() != "no ledger directory" {
		t.Fatal(err)
	}
}

func TestSpawnedDies(t *testing.T) {
	stderr := filepath.Join(t.TempDir(), "stderr")
	if err := os.WriteFile(stderr, []byte("of an earlier run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := spawn(t, "dies", Child{StderrFile: stderr})
	err := s.Ready(within(t, 30*time.Second))
	if err == nil || !strings.Contains(err.Error(), "panic: of course") || !strings.Contains(err.Error(), "exit status 7") ||
		!strings.Contains(err.Error(), strconv.Itoa(s.Pid)) || strings.Contains(err.Error(), "earlier") {
		t.Fatal(err)
	}
}

func TestReadyIsBounded(t *testing.T) {
	s := spawn(t, "hangs", Child{})
	if err := s.Ready(within(t, 300*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestReadyWithoutParent(t *testing.T) {
	if err := Ready(); err != nil {
		t.Fatal(err)
	}
}

func TestSpawnMissing(t *testing.T) {
	if _, err := Spawn(t.Context(), Child{Exe: filepath.Join(t.TempDir(), "none.exe")}); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// TestStderrFileGoes: the file can be removed while the child has it open, and the next child gets a new one.
func TestStderrFileGoes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "stderr")
	for range 2 {
		s := spawn(t, "serves", Child{Args: []string{filepath.Join(dir, "out")}, StderrFile: file})
		if err := s.Ready(within(t, 30*time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		<-s.exited
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
