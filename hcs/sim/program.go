package sim

import (
	"context"
	"strings"
	"sync"

	"containerd-shim-hcs/hcs"
)

// Behaviour is what a program of the host does: it is called when the program is started, and is to return when ctx ends, because then
// the program was killed.
type Behaviour func(ctx context.Context, p hcs.Program) (code uint32, said string)

// AddProgram puts a program on the host. Its pipes are those of the client that it dials with, not of the one that started it.
func (s *Service) AddProgram(path string, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs == nil {
		s.programs = map[string]Behaviour{}
	}
	s.programs[programKey(path)] = b
}

func programKey(path string) string { return strings.ToLower(strings.ReplaceAll(path, "/", `\`)) }

// Spawn is not a call of the service: it is in no journal.
func (m host) Spawn(_ context.Context, p hcs.Program) (hcs.Child, error) {
	m.c.svc.mu.Lock()
	b := m.c.svc.programs[programKey(p.Path)]
	m.c.svc.mu.Unlock()
	if b == nil {
		return nil, failure("CreateProcess", p.Path, refuse(hcs.ErrFileNotFound, "there is no such program"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &child{kill: cancel, exited: make(chan struct{})}
	go func() {
		defer cancel()
		code, said := b(ctx, p)
		c.once.Do(func() { c.end(code, said) })
	}()
	return c, nil
}

// child is hcs.Child.
type child struct {
	kill   func()
	exited chan struct{}
	once   sync.Once // the end
	code   uint32
	said   string
}

func (c *child) end(code uint32, said string) {
	c.code, c.said = code, said
	close(c.exited)
}

func (c *child) Exited() <-chan struct{} { return c.exited }

func (c *child) Outcome() (uint32, string) { return c.code, c.said }

// Kill ends the program with the code of TerminateProcess in Go's os.Process.Kill.
func (c *child) Kill() error {
	c.once.Do(func() { c.end(1, "") })
	c.kill()
	return nil
}
