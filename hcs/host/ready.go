package host

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// readyEnv tells a child the number of its end of the readiness pipe.
const readyEnv = "CONTAINERD_SHIM_HCS_READY"

// readyPipe takes the pipe out of the environment, so that no process started from here believes that it is its own.
var readyPipe = sync.OnceValues(func() (*os.File, error) {
	v, ok := os.LookupEnv(readyEnv)
	if !ok {
		return nil, nil
	}
	if err := os.Unsetenv(readyEnv); err != nil {
		return nil, fmt.Errorf("%s: %w", readyEnv, err)
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", readyEnv, err)
	}
	return os.NewFile(uintptr(n), "readiness pipe"), nil
})

// Ready tells the process that spawned this one that it serves. It does nothing when nobody listens or when an answer was given.
func Ready() error { return answerOnce(ready) }

// ReadyError tells it why this process cannot serve.
func ReadyError(err error) error { return answerOnce(err.Error()) }

func answerOnce(text string) error {
	f, err := readyPipe()
	if f == nil || err != nil || !answered.CompareAndSwap(false, true) {
		return err
	}
	if len(text) > maxAnswer {
		text = text[:maxAnswer]
	}
	_, err = f.WriteString(text)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

var answered atomic.Bool
