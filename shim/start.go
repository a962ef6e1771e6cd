package shim

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"containerd-shim-hcs/task/annotation"
)

// Flags are what containerd passes on every command line.
type Flags struct {
	Namespace string
	ID        string
	Address   string // of containerd's gRPC server
	Publish   string // the containerd binary
	Bundle    string // containerd gives it to delete as a flag, to start as the working directory
	Debug     bool
}

type dialer = func(ctx context.Context, path string) (net.Conn, error)

// Starter starts the serving process and finds it ready, or finds the one that serves the container's pod.
type Starter struct {
	// Spawn starts this program again as the server, with in as its standard input, and returns when the child said that it
	// serves. Its error is the child's own.
	Spawn func(ctx context.Context, in []byte) (kill func(), err error)
	Dial  dialer
	// Plain asks for the oldest form of answer.
	Plain bool
}

const (
	readyBound = 20 * time.Second // for the child to serve; two process starts on a busy node
	dialBound  = 5 * time.Second
)

// Start is the start command: it starts a serving process, unless the container is in a pod that has one, and prints where it serves.
func (s Starter) Start(ctx context.Context, f Flags, stdin io.Reader, stdout io.Writer) error {
	in, err := readInput(stdin)
	if err != nil {
		return err
	}
	boot, err := parseBootstrap(in, f.Namespace, f.ID, f.Debug)
	if err != nil {
		return err
	}
	home, err := homeOf(f.Bundle, f.ID)
	if err != nil {
		return err
	}
	undo := func() {}
	if address := Address(f.Namespace, home); home != f.ID {
		err = s.join(ctx, address, home, f.ID)
	} else {
		undo, err = s.spawn(ctx, address, in)
	}
	if err == nil {
		err = s.answer(f.Bundle, boot, Address(f.Namespace, home), stdout)
	}
	if err != nil {
		undo()
	}
	return err
}

func (s Starter) join(ctx context.Context, address, sandbox, id string) error {
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	if err := join(ctx, s.Dial, address, id); err != nil {
		return fmt.Errorf("annotation %s=%q: %w", annotation.CRISandboxID, sandbox, err)
	}
	return nil
}

func (s Starter) spawn(ctx context.Context, address string, in []byte) (kill func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	kill, err = s.Spawn(ctx, in)
	if err != nil {
		return func() {}, fmt.Errorf("serve: %w", err)
	}
	// containerd 1.7 dials once, so the pipe must accept before the address is out.
	ctx, cancel = context.WithTimeout(ctx, dialBound)
	defer cancel()
	conn, err := s.Dial(ctx, address)
	if err != nil {
		return kill, fmt.Errorf("serve: %w", err)
	}
	_ = conn.Close()
	return kill, nil
}

func (s Starter) answer(bundle string, boot Bootstrap, address string, stdout io.Writer) error {
	if boot.Legacy { // containerd 1.7 reads it when it restarts
		if err := writeAtomic(filepath.Join(bundle, "address"), []byte(address)); err != nil {
			return fmt.Errorf("address file: %w", err)
		}
	}
	out, err := boot.answer(address, s.Plain)
	if err != nil {
		return err
	}
	_, err = stdout.Write(out)
	return err
}

// writeAtomic replaces a file.
func writeAtomic(path string, b []byte) error {
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
