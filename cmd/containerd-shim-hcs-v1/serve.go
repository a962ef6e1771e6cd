package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/host"
	"containerd-shim-hcs/shim"
	"containerd-shim-hcs/task/admission"
	"containerd-shim-hcs/task/ledger"
)

// microsoft is the name of Microsoft's shim. Under it the answer of start is the bare address.
const microsoft = "containerd-shim-runhcs-v1"

// dirs are where a shim keeps what must outlive it, outside of bundles.
type dirs struct{ ledgers, crash, slots string }

func stateDirs() (dirs, error) {
	root := os.Getenv("ProgramData")
	if root == "" {
		return dirs{}, fmt.Errorf("environment: ProgramData is not set")
	}
	root = filepath.Join(root, "containerd-shim-hcs")
	d := dirs{ledgers: filepath.Join(root, "ledger"), crash: filepath.Join(root, "crash"), slots: filepath.Join(root, "slots")}
	for _, dir := range []string{root, d.ledgers, d.crash, d.slots} {
		if err := host.SecureDir(dir); err != nil {
			return d, fmt.Errorf("state directory %s: %w", dir, err)
		}
	}
	return d, nil
}

// parallelVar is how many containers the machine makes at a time. It is the environment's, which all shims of a containerd share, and no
// runtime option: two handlers with two numbers would mean nothing.
const (
	parallelVar  = "CONTAINERD_SHIM_HCS_PARALLEL"
	parallelMost = 64
)

func parallel(s string) (int, error) {
	if s == "" {
		return admission.Default, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > parallelMost {
		return 0, fmt.Errorf("environment: %s=%q must be a number from 1 to %d", parallelVar, s, parallelMost)
	}
	return n, nil
}

// surroundings are what every command needs.
func surroundings() (hcs.Machine, dirs, error) {
	m, err := machine()
	if err != nil {
		return m, dirs{}, err
	}
	d, err := stateDirs()
	return m, d, err
}

// crashFile is where the Go runtime writes when the serving process panics.
func (d dirs) crashFile(f shim.Flags) string {
	return filepath.Join(d.crash, ledger.FileName(f.Namespace+"/"+f.ID)+".log")
}

func start(ctx context.Context, name string, o options, stdin io.Reader, stdout io.Writer) error {
	m, d, err := surroundings()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if o.Bundle, err = os.Getwd(); err != nil {
		return err
	}
	// Out of the bundle at once: a process whose working directory it is keeps containerd from removing it, and this one may outlive a
	// containerd that is killed meanwhile.
	away := filepath.Dir(d.crash)
	if err := os.Chdir(away); err != nil {
		return err
	}
	s := shim.Starter{Dial: m.Host.DialPipe, Plain: strings.HasPrefix(name, microsoft)}
	s.Spawn = func(ctx context.Context, in []byte) (func(), error) {
		args := []string{"-namespace", o.Namespace, "-address", o.Address, "-publish-binary", o.Publish, "-id", o.ID, "-bundle", o.Bundle}
		if o.Debug {
			args = append(args, "-debug")
		}
		child, err := host.Spawn(ctx, host.Child{Exe: exe, Args: append(args, "serve"), Dir: away, Stdin: in, StderrFile: d.crashFile(o.Flags)})
		if err != nil {
			return nil, err
		}
		kill := func() { _ = child.Kill() }
		if err := child.Ready(ctx); err != nil {
			kill()
			return nil, err
		}
		return kill, nil
	}
	return s.Start(ctx, o.Flags, stdin, stdout)
}

func serve(ctx context.Context, o options, stdin io.Reader) error {
	err := serveUntilShutdown(ctx, o, stdin)
	if err != nil {
		_ = host.ReadyError(err) // nobody listens any more when it had been ready
	}
	return err
}

func serveUntilShutdown(ctx context.Context, o options, stdin io.Reader) error {
	m, d, err := surroundings()
	if err != nil {
		return err
	}
	boot, err := shim.ReadBootstrap(stdin, o.Flags)
	if err != nil {
		return err
	}
	n, err := parallel(os.Getenv(parallelVar))
	if err != nil {
		return err
	}
	err = shim.Serve(ctx, shim.Config{
		Machine:   m,
		Namespace: o.Namespace,
		ID:        o.ID,
		Bundle:    o.Bundle,
		Events:    os.Getenv("TTRPC_ADDRESS"),
		Ledgers:   d.ledgers,
		Lock:      host.TryLockFile,
		Slots:     admission.Slots{Dir: d.slots, N: n, Lock: host.TryLockFile},
		Level:     boot.Level,
		Options:   boot.Options,
	}, func() { _ = host.Ready() })
	if err == nil {
		// Nothing was written to it, or containerd would have it from the delete command.
		_ = os.Stderr.Close()
		_ = os.Remove(d.crashFile(o.Flags))
	}
	return err
}

func remove(ctx context.Context, o options, stdout, stderr io.Writer) error {
	m, d, err := surroundings()
	if err != nil {
		return err
	}
	return shim.Delete(ctx, m, d.ledgers, d.crashFile(o.Flags), host.TryLockFile, o.Flags, stdout, stderr)
}

func collect(ctx context.Context, stdout io.Writer) error {
	m, d, err := surroundings()
	if err != nil {
		return err
	}
	return shim.Collect(ctx, m, d.ledgers, host.TryLockFile, stdout)
}

func stacks(ctx context.Context, o options, stdout io.Writer) error {
	m, err := machine()
	if err != nil {
		return err
	}
	return shim.Stacks(ctx, m.Host, o.Flags, stdout)
}
