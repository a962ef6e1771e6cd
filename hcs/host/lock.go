package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// HeldError says that a lock is held, and by whom when that is known (0 when not).
type HeldError struct {
	Path string
	Pid  uint32
}

func (e *HeldError) Error() string {
	if e.Pid == 0 {
		return fmt.Sprintf("lock %s: held by another process", e.Path)
	}
	return fmt.Sprintf("lock %s: held by process %d", e.Path, e.Pid)
}

// TryLockFile takes the exclusive lock of a file, which is made if it is not there and is never removed. It is advisory, also
// excludes other holders in this process, and ends with the process that holds it. A held lock is a *HeldError.
func TryLockFile(path string) (unlock func(), err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	switch err := lock(f); {
	case errors.Is(err, errHeld):
		held := &HeldError{Path: path, Pid: holder(f)}
		f.Close()
		return nil, held
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// Who holds it is a courtesy; the lock does not depend on it.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return func() {
		_ = f.Truncate(0)
		f.Close() // releases it
	}, nil
}

var errHeld = errors.New("held")

const lockPoll = 20 * time.Millisecond

// LockFile waits for the lock until ctx ends; the error is then a *HeldError.
func LockFile(ctx context.Context, path string) (unlock func(), err error) {
	for {
		unlock, err := TryLockFile(path)
		var held *HeldError
		if !errors.As(err, &held) {
			return unlock, err
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), held)
		}
	}
}

func holder(f *os.File) uint32 {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(pid)
}
