//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options choose other programs than the ones make built.
type Options struct {
	Shim, Peer, Containerd string
}

// shims are the names under which containerd finds a runtime beside its own exe: io.containerd.hcs.v1 and io.containerd.runhcs.v1.
const (
	ourShim  = "containerd-shim-hcs-v1.exe"
	peerShim = "containerd-shim-runhcs-v1.exe"
)

// Up makes the prefix if there is none, installs what is newer, and starts what does not run: the simulator, then containerd.
func (in *Instance) Up(opt Options) error {
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := in.up(opt); err != nil {
		return err
	}
	say("up: %s", in.Dir)
	return nil
}

func (in *Instance) up(opt Options) error {
	if _, err := os.Stat(in.path("prefix")); errors.Is(err, fs.ErrNotExist) {
		template, err := in.template()
		if err != nil {
			return err
		}
		// Under another name until it is whole.
		if err := os.RemoveAll(in.path("prefix.new")); err != nil {
			return err
		}
		if err := copyPrefix(template, in.path("prefix.new")); err != nil {
			return fmt.Errorf("copy of the template: %w", err)
		}
		if err := os.Rename(in.path("prefix.new"), in.path("prefix")); err != nil {
			return err
		}
	}
	stale, err := in.installAll(opt)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	procs, err := in.started()
	if err != nil {
		return err
	}
	// What runs keeps the programs and DLLs it began with, and containerd and the shims hold handles of the simulator: they end
	// and begin together.
	sim := procs["simd"].alive()
	containerd, err := in.runs("containerd.exe")
	if err != nil {
		return err
	}
	if (sim || containerd) && (stale || !sim) {
		say("starting all again: %s", map[bool]string{true: "a program or DLL is newer", false: "the simulator has ended"}[stale])
		if err := in.stop(); err != nil {
			return err
		}
		sim, containerd = false, false
	}
	if !sim {
		if err := in.startSim(); err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
	}
	if !containerd {
		if err := in.startContainerd(); err != nil {
			return fmt.Errorf("containerd: %w", err)
		}
	}
	return nil
}

// installAll brings programs and DLLs into the prefix, and reports whether one that may be running was replaced. Shims and ctr do not
// count: each container and call starts them anew.
func (in *Instance) installAll(opt Options) (stale bool, err error) {
	build := filepath.Dir(filepath.Dir(in.bin))
	files := map[string]string{
		"containerd.exe":  or(opt.Containerd, filepath.Join(in.bin, "containerd.exe")),
		"ctr.exe":         or(beside(opt.Containerd, "ctr.exe"), filepath.Join(in.bin, "ctr.exe")),
		"simd.exe":        filepath.Join(in.bin, "simd.exe"),
		"cni/bin/cni.exe": filepath.Join(in.bin, "cni.exe"),
		peerShim:          or(opt.Peer, filepath.Join(in.bin, peerShim)),
		ourShim:           or(opt.Shim, filepath.Join(build, "windows-amd64", ourShim)),
	}
	// The control of the conformance script, and whatever else is built to be tried.
	others, err := filepath.Glob(filepath.Join(in.bin, "containerd-shim-*.exe"))
	if err != nil {
		return false, err
	}
	for _, src := range others {
		if name := filepath.Base(src); files[name] == "" {
			files[name] = src
		}
	}
	dlls, err := filepath.Glob(filepath.Join(filepath.Dir(in.bin), "dll", "*.dll"))
	if err != nil {
		return false, err
	}
	if len(dlls) == 0 {
		return false, errors.New("no DLLs in build/rig/dll: `make rig` builds them")
	}
	if err := os.MkdirAll(in.drive("rig", "cni", "bin"), 0o755); err != nil {
		return false, err
	}
	// Not in system32, where Wine takes its own.
	if _, err := install(filepath.Join(in.bin, "powershell.exe"), in.drive("windows", "powershell.exe")); err != nil {
		return false, err
	}
	for name, src := range files {
		changed, err := install(src, in.drive("rig", name))
		if err != nil {
			return false, err
		}
		stale = stale || changed && (name == "containerd.exe" || name == "simd.exe")
	}
	for _, src := range dlls {
		changed, err := install(src, in.drive("windows", "system32", filepath.Base(src)))
		if err != nil {
			return false, err
		}
		stale = stale || changed
	}
	changed, err := in.configure()
	return stale || changed, err
}

// beside is the file of that name in the directory of exe, empty when there is none. A containerd is used with its own ctr.
func beside(exe, name string) string {
	if exe == "" {
		return ""
	}
	path := filepath.Join(filepath.Dir(exe), name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (in *Instance) startSim() error {
	if err := os.Remove(in.drive("hcssim", "address")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	pods, err := in.subnet(claims())
	if err != nil {
		return fmt.Errorf("subnet of the pods: %w", err)
	}
	p, err := in.spawn("simd", "-pod-subnet", pods.String())
	if err != nil {
		return err
	}
	return in.ready("simd", p, func() error {
		_, err := in.State()
		return err
	})
}

func (in *Instance) startContainerd() error {
	p, err := in.spawn("containerd", "--config", `C:\rig\config.toml`)
	if err != nil {
		return err
	}
	return in.ready("containerd", p, func() error {
		_, err := in.Ctr(10*time.Second, "version")
		return err
	})
}

func (in *Instance) spawn(name string, args ...string) (process, error) {
	cmd := in.wine.command(context.Background(), `C:\rig\`+name+".exe", args...)
	if (in.isNode() || name == "dockerd") && name != "simd" {
		cmd.Env = append(cmd.Env, nodeSetting)
		// The kubelet has paths like \var\log\pods, which are on the drive a program is on.
		cmd.Dir = in.drive()
	}
	p, err := spawn(cmd, in.path("log", name+".log"))
	if err != nil {
		return p, err
	}
	return p, in.remember(name, p)
}

// ready waits until the started program answers, and shows the end of its log when it does not.
func (in *Instance) ready(name string, p process, answers func() error) error {
	return in.readyWithin(time.Minute, name, p, answers)
}

func (in *Instance) readyWithin(bound time.Duration, name string, p process, answers func() error) error {
	err := poll(bound, func() error {
		err := answers()
		if err != nil && !p.alive() {
			return fmt.Errorf("%w: the process has ended", errStop)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%w; the end of its log:\n%s", err, in.logTail(name, 15))
	}
	return nil
}

func (in *Instance) logTail(name string, n int) string {
	b, err := os.ReadFile(in.path("log", name+".log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Down stops everything in the prefix. The simulator's journal stays in log/journal.
func (in *Instance) Down() error {
	if _, err := os.Stat(in.path("prefix")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return in.stop()
}

func (in *Instance) stop() error {
	procs, err := in.started()
	if err != nil {
		return err
	}
	if procs["simd"].alive() {
		journal, err := in.Sim("SimJournal")
		if err != nil {
			say("no journal: %v", err)
		} else if err := replaceFile(in.path("log", "journal"), []byte(strings.Join(journal, "\n")+"\n")); err != nil {
			return err
		}
	}
	err = in.wine.stop()
	for name, p := range procs {
		if e := p.end(5 * time.Second); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
	}
	if err != nil {
		return err
	}
	return replaceFile(in.path("processes"), []byte("{}"))
}

// isUp is an error unless containerd of this instance is alive.
func (in *Instance) isUp() error {
	runs, err := in.runs("containerd.exe")
	if err == nil && !runs {
		err = fmt.Errorf("%s is not up", in.Dir)
	}
	return err
}

// Exec becomes the Windows program; it returns only when that fails.
func (in *Instance) Exec(exe string, args []string) error {
	if err := in.isUp(); err != nil {
		return err
	}
	return in.wine.replace(exe, args)
}

// Ctr runs ctr.exe to its end and returns its output.
func (in *Instance) Ctr(bound time.Duration, args ...string) (string, error) {
	return in.wine.output(bound, `C:\rig\ctr.exe`, args...)
}
