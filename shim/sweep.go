package shim

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/ledger"
)

// exitKept is how long the exit status of a container is kept for a delete command that has not come.
const exitKept = time.Hour

// Swept is what became of one ledger.
type Swept struct {
	Ledger   string // its file
	Released int    // entries
	Err      error  // of the first that could not be released
}

// Sweep gives back what shims that are dead left behind on the machine: what a delete command had no time for, or that never had
// one. A container whose shim lives is locked by it and is not touched.
func Sweep(ctx context.Context, m hcs.Machine, ledgers string, lock ledger.Locker) []Swept {
	paths, err := ledger.All(ledgers)
	if err != nil {
		return []Swept{{Ledger: ledgers, Err: err}}
	}
	var out []Swept
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		if s := sweep(ctx, m, path, lock); s.Released > 0 || s.Err != nil {
			out = append(out, s)
		}
	}
	return out
}

func sweep(ctx context.Context, m hcs.Machine, path string, lock ledger.Locker) Swept {
	s := Swept{Ledger: filepath.Base(path)}
	led, err := ledger.OpenPath(path)
	if err != nil {
		s.Err = err
		return s
	}
	disown, err := led.Own(lock)
	if err != nil { // its shim lives
		return s
	}
	defer disown()
	if led, err = ledger.OpenPath(path); err != nil { // as it is now that nobody else writes to it
		s.Err = err
		return s
	}
	before := len(led.Held())
	s.Err = task.Release(ctx, m, led)
	s.Released = before - len(led.Held())
	if s.Err == nil && (led.Exit() == nil || led.WasTold() || led.Age() > exitKept) {
		s.Err = led.Remove()
	}
	return s
}

// Collect is the gc command: one sweep, and a line for each container that something was found of.
func Collect(ctx context.Context, m hcs.Machine, ledgers string, lock ledger.Locker, stdout io.Writer) error {
	failed := 0
	for _, s := range Sweep(ctx, m, ledgers, lock) {
		line := fmt.Sprintf("%s: %d released", s.Ledger, s.Released)
		if s.Err != nil {
			failed++
			line += fmt.Sprintf(", then: %v", s.Err)
		}
		if _, err := fmt.Fprintln(stdout, line); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d containers still hold something", failed)
	}
	return nil
}
