//go:build !windows

package host

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

func appendTo(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// start starts cmd with pipe inherited, in a session of its own.
func start(cmd *exec.Cmd, pipe *os.File) error {
	cmd.ExtraFiles = []*os.File{pipe}
	cmd.Env = append(cmd.Env, readyEnv+"="+strconv.Itoa(2+len(cmd.ExtraFiles)))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}
