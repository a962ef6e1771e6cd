package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Child is a process to start in the background.
type Child struct {
	Exe        string
	Args       []string // without the program's name
	Env        []string // nil: this process's
	Dir        string
	Stdin      []byte // what the child reads, then end-of-file
	StderrFile string // appended to, and may be removed while the child has it open; empty: discarded
}

// Spawned is a child that was started.
type Spawned struct {
	Pid int

	cmd    *exec.Cmd
	said   chan answer   // what came over the readiness pipe, once
	fed    chan struct{} // closed when stdin has been written or the child has closed it
	exited chan struct{} // closed when the child has exited; cmd.ProcessState is set then
	stderr string
	offset int64 // of what the child writes to the stderr file
}

type answer struct {
	text string
	err  error
}

const (
	ready      = "ok"
	maxAnswer  = 64 << 10
	maxTail    = 4 << 10
	deathGrace = 2 * time.Second // between the end of the readiness pipe and the exit code
)

// Spawn starts a child that outlives this process, has no console window and inherits nothing but its stdin, its stderr and
// the readiness pipe (os/exec passes a list of handles; nothing else is inherited, even if it is inheritable). The child calls
// Ready or ReadyError; the parent calls Spawned.Ready.
func Spawn(ctx context.Context, c Child) (*Spawned, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Exe, err)
	}
	cmd := exec.Command(c.Exe, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = c.Env
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	s := &Spawned{cmd: cmd, said: make(chan answer, 1), fed: make(chan struct{}), exited: make(chan struct{}), stderr: c.StderrFile}

	if c.StderrFile != "" {
		f, err := appendTo(c.StderrFile)
		if err != nil {
			return nil, fmt.Errorf("start %s: stderr: %w", c.Exe, err)
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil {
			s.offset = st.Size()
		}
		cmd.Stderr = f
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: stdin: %w", c.Exe, err)
	}
	defer in.Close()
	cmd.Stdin = in
	listen, tell, err := os.Pipe()
	if err != nil {
		feed.Close()
		return nil, fmt.Errorf("start %s: readiness pipe: %w", c.Exe, err)
	}
	err = start(cmd, tell)
	tell.Close() // the child's copy is then the only one, so its death ends the pipe
	if err != nil {
		feed.Close()
		listen.Close()
		return nil, fmt.Errorf("start %s: %w", c.Exe, err)
	}
	s.Pid = cmd.Process.Pid
	go func() {
		defer close(s.fed)
		_, _ = feed.Write(c.Stdin) // a child that does not read it says so itself
		feed.Close()
	}()
	go func() {
		b, err := io.ReadAll(io.LimitReader(listen, maxAnswer))
		listen.Close()
		s.said <- answer{string(b), err}
	}()
	go func() {
		_ = cmd.Wait() // its error is in ProcessState
		close(s.exited)
	}()
	return s, nil
}

// Ready waits until the child has said that it is ready; it is called once. Its error is the child's own when the child gave one, or says how
// it died, with the end of what it wrote to stderr. When ctx ends first the child is left as it is.
func (s *Spawned) Ready(ctx context.Context) error {
	var a answer
	select {
	case a = <-s.said:
	case <-ctx.Done():
		return fmt.Errorf("process %d: not ready: %w", s.Pid, context.Cause(ctx))
	}
	switch {
	case a.text == ready:
		// This process may end as soon as we return, and stdin with it.
		select {
		case <-s.fed:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("process %d: does not read its stdin: %w", s.Pid, context.Cause(ctx))
		}
	case a.text != "":
		return errors.New(a.text)
	case a.err != nil:
		return fmt.Errorf("process %d: readiness pipe: %w", s.Pid, a.err)
	}
	grace := time.NewTimer(deathGrace)
	defer grace.Stop()
	select {
	case <-s.exited:
		err := fmt.Errorf("process %d: exited before it was ready: %s", s.Pid, s.cmd.ProcessState)
		if tail := s.tail(); tail != "" {
			err = fmt.Errorf("%w: %s", err, tail)
		}
		return err
	case <-grace.C:
		return fmt.Errorf("process %d: closed its readiness pipe without a word", s.Pid)
	case <-ctx.Done():
		return fmt.Errorf("process %d: not ready: %w", s.Pid, context.Cause(ctx))
	}
}

// tail is the end of what the child has written to its stderr file.
func (s *Spawned) tail() string {
	if s.stderr == "" {
		return ""
	}
	f, err := os.Open(s.stderr)
	if err != nil {
		return ""
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(s.offset, st.Size()-maxTail)
	b, err := io.ReadAll(io.NewSectionReader(f, from, maxTail))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

// Kill ends the child; one that has exited is fine.
func (s *Spawned) Kill() error {
	err := s.cmd.Process.Kill()
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	select {
	case <-s.exited: // waited for meanwhile, and its handle released
		return nil
	case <-time.After(deathGrace): // a dying process denies access
	}
	return fmt.Errorf("process %d: kill: %w", s.Pid, err)
}
