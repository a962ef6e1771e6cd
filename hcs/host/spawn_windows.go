package host

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"
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
