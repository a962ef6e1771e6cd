package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// appendTo opens the file so that it can be removed while it is open, which os.OpenFile does not. One that is just going, because it was
// removed and its last reader is not done, is waited for.
func appendTo(path string) (*os.File, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	for start := time.Now(); ; time.Sleep(goingPause) {
		h, err := windows.CreateFile(p, windows.FILE_APPEND_DATA|windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE,
			windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
		if err == nil {
			return os.NewFile(uintptr(h), path), nil
		}
		going := errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_DELETE_PENDING)
		if !going || time.Since(start) > goingBound {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

const (
	goingBound = time.Second
	goingPause = 10 * time.Millisecond
)

// start starts cmd with pipe inherited. DETACHED_PROCESS, not CREATE_NO_WINDOW: the latter makes a console that nobody sees and a
// conhost.exe of its own, for every shim on the node. The new group keeps a Ctrl-C of the parent's console away.
func start(cmd *exec.Cmd, pipe *os.File) error {
	self := windows.CurrentProcess()
	var h windows.Handle
	if err := windows.DuplicateHandle(self, windows.Handle(pipe.Fd()), self, &h, 0, true, windows.DUPLICATE_SAME_ACCESS); err != nil {
		return fmt.Errorf("readiness pipe: %w", err)
	}
	defer closeHandle(h)
	cmd.Env = append(cmd.Env, readyEnv+"="+strconv.FormatUint(uint64(h), 10))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		HideWindow:                 true,
		CreationFlags:              windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS,
		AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(h)},
	}
	return cmd.Start()
}
