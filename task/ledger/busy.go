package ledger

import (
	"errors"
	"io/fs"
	"time"
)

const (
	busyBound = time.Second
	busyPause = 5 * time.Millisecond
)

// whileBusy repeats a call on a file that fails. On Windows a file cannot be removed while somebody reads it, nor made anew while the
// removed one is open: a starting shim that looks for what dead ones have left behind reads all ledgers, and so do virus scanners. They
// are quick. A file that is not there is an answer.
func whileBusy(f func() error) error {
	for start := time.Now(); ; time.Sleep(busyPause) {
		err := f()
		if err == nil || errors.Is(err, fs.ErrNotExist) || time.Since(start) > busyBound {
			return err
		}
	}
}
