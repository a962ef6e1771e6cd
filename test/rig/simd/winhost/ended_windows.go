package winhost

import (
	"fmt"
	"sync"

	"golang.org/x/sys/windows"
)

// WhenEnded calls f when the process has ended, unless stop was called before.
func WhenEnded(pid uint32, f func()) (stop func(), err error) {
	p, err := windows.OpenProcess(windows.SYNCHRONIZE, false, pid)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	enough, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		windows.CloseHandle(p)
		return nil, fmt.Errorf("event: %w", err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		which, err := windows.WaitForMultipleObjects([]windows.Handle{p, enough}, false, windows.INFINITE)
		windows.CloseHandle(p)
		if err == nil && which == windows.WAIT_OBJECT_0 {
			go f() // it may lead to stop
		}
	})
	return sync.OnceFunc(func() {
		_ = windows.SetEvent(enough)
		done.Wait()
		windows.CloseHandle(enough)
	}), nil
}
