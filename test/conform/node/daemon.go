package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const daemonExe = "containerd.exe"

// Daemon is the rig's containerd, which the programs that are about its absence kill and start again, as the same version or
// another one.
//
// What a shim tells a containerd that has just come back, a client can miss that has not subscribed yet. So that no check has to allow
// for it, each containerd after the first serves its events pipe under a name of its own, and the names that older shims know are
// served by relays to it, which are opened once the subscription stands.
type Daemon struct {
	dir     string // holds the exe and config.toml
	log     string // gets what it prints
	pipe    string // of its gRPC server
	starts  int
	old     []string // names of the events pipes before the present one
	present string
	relays  []*relay
}

// NewDaemon describes the one whose exe and config.toml are in dir; nothing is started. When one is, it appends what it prints to the
// file log. Its gRPC server is at pipe.
func NewDaemon(dir, log, pipe string) *Daemon {
	return &Daemon{dir: dir, log: log, pipe: pipe, present: pipe + ".ttrpc"}
}

// Runs reports whether there is one.
func (d *Daemon) Runs() (bool, error) {
	running, err := ProgramsNamed(daemonExe)
	return len(running) > 0, err
}

// Kill ends it where it stands. The shims' connections end with it.
func (d *Daemon) Kill() error {
	running, err := ProgramsNamed(daemonExe)
	if err != nil {
		return err
	}
	if len(running) != 1 {
		return fmt.Errorf("%d processes %s, want 1", len(running), daemonExe)
	}
	err = running[0].Kill()
	for _, r := range d.relays {
		r.close()
	}
	d.relays = nil
	return err
}

// Install replaces its program while it does not run.
func (d *Daemon) Install(exe string) error {
	src, err := os.Open(exe)
	if err != nil {
		return err
	}
	defer src.Close()
	path := filepath.Join(d.dir, daemonExe)
	dst, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Start starts it and returns when it answers. The relays are not open yet.
func (d *Daemon) Start(ctx context.Context, answers func(context.Context) error) error {
	d.old = append(d.old, d.present)
	d.starts++
	d.present = fmt.Sprintf("%s-%d.ttrpc", d.pipe, d.starts)
	config, err := os.ReadFile(filepath.Join(d.dir, "config.toml"))
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, "config-again.toml")
	text := strings.TrimRight(string(config), "\n") + "\n\n[ttrpc]\n  address = '" + d.present + "'\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	out, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(filepath.Join(d.dir, daemonExe), "--config", path)
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.dir, out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or has said why in its log
		close(ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		one, done := context.WithTimeout(ctx, 5*time.Second)
		err := answers(one)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("containerd ended at its start, see %s", d.log)
		case <-ctx.Done():
			return fmt.Errorf("containerd does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Open lets the shims of its predecessors reach it.
func (d *Daemon) Open() error {
	for _, name := range d.old {
		r, err := openRelay(name, d.present)
		if err != nil {
			return err
		}
		d.relays = append(d.relays, r)
	}
	return nil
}
