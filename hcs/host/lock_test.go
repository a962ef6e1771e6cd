package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLockEndsWithItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	s := spawn(t, "locks", Child{Args: []string{path}})
	if err := s.Ready(within(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := TryLockFile(path)
	var held *HeldError
	if !errors.As(err, &held) || held.Pid != uint32(s.Pid) {
		t.Fatal(err, s.Pid)
	}
	if _, err := LockFile(within(t, 100*time.Millisecond), path); !errors.As(err, &held) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	go func() { time.Sleep(100 * time.Millisecond); _ = s.Kill() }()
	unlock, err := LockFile(within(t, 30*time.Second), path)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestLockExcludesInOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := TryLockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := TryLockFile(path); !errors.As(err, &held) || held.Pid != uint32(os.Getpid()) {
		t.Fatal(err)
	}
	unlock()
	if unlock, err = TryLockFile(path); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := TryLockFile(filepath.Join(path, "below a file")); err == nil || errors.As(err, &held) {
		t.Fatal(err)
	}
}

func TestSecureDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := SecureDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := SecureDir(filepath.Join(dir, "f")); err == nil {
		t.Fatal("a file became a directory")
	}
}
