//go:build linux

package main

import (
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

// config is containerd's. CRI is off: it needs the network's plugins, and the rig's clients speak to the task API.
const config = `version = 3
root = 'C:\ProgramData\containerd\root'
state = 'C:\ProgramData\containerd\state'
disabled_plugins = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.podsandbox.controller.v1.podsandbox',
]

[debug]
  level = 'debug'

[grpc]
  address = '\\.\pipe\containerd-containerd'
`

// Up makes the prefix if there is none, installs what is newer, and starts what does not run: the simulator, then containerd.
func (in *Instance) Up(opt Options) error {
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
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
	if err := in.installAll(opt); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	procs, err := in.started()
	if err != nil {
		return err
	}
	if !procs["simd"].alive() {
		// containerd and the shims hold handles of the service that is gone: they start again with it.
		if procs["containerd"].alive() {
			say("the simulator has ended: starting all again")
			if err := in.stop(); err != nil {
				return err
			}
		}
		if err := in.startSim(); err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
	}
	if !procs["containerd"].alive() {
		if err := in.startContainerd(); err != nil {
			return fmt.Errorf("containerd: %w", err)
		}
	}
	say("up: %s", in.Dir)
	return nil
}

// installAll brings programs and DLLs into the prefix. The DLLs are those in build/rig/dll.
func (in *Instance) installAll(opt Options) error {
	build := filepath.Dir(filepath.Dir(in.bin))
	files := map[string]string{}
	for name, src := range map[string]string{
		"containerd.exe": opt.Containerd, "ctr.exe": "", "simd.exe": "", peerShim: opt.Peer,
		ourShim: or(opt.Shim, filepath.Join(build, "windows-amd64", ourShim)),
	} {
		files[in.drive("rig", name)] = or(src, filepath.Join(in.bin, name))
	}
	// The control of the conformance script, and whatever else is built to be tried.
	others, err := filepath.Glob(filepath.Join(in.bin, "containerd-shim-*.exe"))
	if err != nil {
		return err
	}
	for _, src := range others {
		if dst := in.drive("rig", filepath.Base(src)); files[dst] == "" {
			files[dst] = src
		}
	}
	dlls, err := filepath.Glob(filepath.Join(filepath.Dir(in.bin), "dll", "*.dll"))
	if err != nil {
		return err
	}
	if len(dlls) == 0 {
		return errors.New("no DLLs in build/rig/dll: `make rig` builds them")
	}
	for _, dll := range dlls {
		files[in.drive("windows", "system32", filepath.Base(dll))] = dll
	}
	if err := os.MkdirAll(in.drive("rig"), 0o755); err != nil {
		return err
	}
	for dst, src := range files {
		if err := install(src, dst); err != nil {
			return err
		}
	}
	return replaceFile(in.drive("rig", "config.toml"), []byte(config))
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
	p, err := in.spawn("simd")
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
	p, err := in.wine.spawn(in.path("log", name+".log"), `C:\rig\`+name+".exe", args...)
	if err != nil {
		return p, err
	}
	return p, in.remember(name, p)
}

// ready waits until the started program answers, and shows the end of its log when it does not.
func (in *Instance) ready(name string, p process, answers func() error) error {
	err := poll(60*time.Second, func() error {
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

// running is an error unless containerd of this instance is alive.
func (in *Instance) running() error {
	procs, err := in.started()
	if err != nil {
		return err
	}
	if !procs["containerd"].alive() {
		return fmt.Errorf("%s is not up", in.Dir)
	}
	return nil
}

// Exec becomes the Windows program; it returns only when that fails.
func (in *Instance) Exec(exe string, args []string) error {
	if err := in.running(); err != nil {
		return err
	}
	return in.wine.replace(exe, args)
}

// Ctr runs ctr.exe to its end and returns its output.
func (in *Instance) Ctr(bound time.Duration, args ...string) (string, error) {
	return in.wine.output(bound, `C:\rig\ctr.exe`, args...)
}
