package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

func (host) Spawn(ctx context.Context, p hcs.Program) (hcs.Child, error) {
	c, err := call.Bounded(ctx, "CreateProcess", p.Path, func() (*program, error) { return startProgram(p) }, func(c *program) { _ = c.Kill() })
	if err != nil {
		return nil, err
	}
	return c, nil
}

func startProgram(p hcs.Program) (*program, error) {
	c := &program{cmd: exec.Command(p.Path, p.Args...), exited: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), p.Env...)
	c.cmd.Stderr = &c.said
	c.cmd.WaitDelay = deathGrace // for who has inherited stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
	if err := c.cmd.Start(); err != nil {
		return nil, call.Wrap("CreateProcess", p.Path, err)
	}
	go func() {
		_ = c.cmd.Wait() // its error is in ProcessState
		close(c.exited)
	}()
	return c, nil
}

// program is hcs.Child.
type program struct {
	cmd    *exec.Cmd
	said   tail
	exited chan struct{}
}

func (c *program) Exited() <-chan struct{} { return c.exited }

func (c *program) Outcome() (uint32, string) {
	return uint32(c.cmd.ProcessState.ExitCode()), c.said.String()
}

func (c *program) Kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return call.Wrap("TerminateProcess", c.cmd.Path, err)
	}
	return nil
}

// tail keeps the last of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if n := len(t.b) - maxTail; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
