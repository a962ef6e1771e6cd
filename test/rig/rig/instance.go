//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Instance is one rig: a directory that holds a Wine prefix, the logs and the ids of what was started.
//
//	prefix/     the WINEPREFIX; C:\rig holds the programs, C:\hcssim what the simulator writes
//	log/        stdout and stderr of each started program, and the last journal
//	kube/       of a Kubernetes node: keys, certificates, kubeconfigs, ports, etcd's files
//	processes   JSON: name → id and start time
//	subnet      number of its part of the pods' network
//	docker.json the port of a Docker engine
//	lock        held by up and down
type Instance struct {
	Dir  string
	bin  string // where make put the programs
	wine wine
}

// NewInstance describes the instance at dir; nothing is made yet.
func NewInstance(bin, dir string) (*Instance, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// Wine resolves the prefix's links, and processes are recognised by this path in their environment.
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	in := &Instance{Dir: dir, bin: bin}
	in.wine, err = newWine(in.path("prefix"))
	return in, err
}

func (in *Instance) path(elem ...string) string {
	return filepath.Join(append([]string{in.Dir}, elem...)...)
}

// drive is the Unix path of a file on C:.
func (in *Instance) drive(elem ...string) string {
	return filepath.Join(append([]string{in.Dir, "prefix", "drive_c"}, elem...)...)
}

// lock keeps a second up or down of the same instance away until the returned function is called.
func (in *Instance) lock() (func(), error) {
	if err := os.MkdirAll(in.path("log"), 0o755); err != nil {
		return nil, err
	}
	return lockFile(in.path("lock"))
}

func lockFile(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// Logs copies the logs, or the named one, to w.
func (in *Instance) Logs(w io.Writer, names []string) error {
	if len(names) > 1 {
		return errors.New("logs: one name at most")
	}
	files, err := os.ReadDir(in.path("log"))
	if err != nil {
		return err
	}
	found := false
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".log")
		if len(names) == 1 && names[0] != name {
			continue
		}
		found = true
		if len(names) == 0 {
			fmt.Fprintf(w, "== %s\n", f.Name())
		}
		b, err := os.ReadFile(in.path("log", f.Name()))
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("logs: nothing in %s", in.path("log"))
	}
	return nil
}

// Wipe stops the instance and removes it.
func (in *Instance) Wipe() error {
	if _, err := os.Stat(in.path("log")); errors.Is(err, fs.ErrNotExist) {
		// Never a directory that is no instance: RIG may name anything.
		return nil
	}
	if err := in.Down(); err != nil {
		return err
	}
	if err := in.unclaim(claims()); err != nil {
		return fmt.Errorf("wipe: %w", err)
	}
	for _, name := range []string{"prefix", "kube", "log", "processes", "subnet", "docker.json", "lock"} {
		if err := os.RemoveAll(in.path(name)); err != nil {
			return fmt.Errorf("wipe: %w", err)
		}
	}
	// Other people's files in it are a reason to leave the directory.
	if err := os.Remove(in.Dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("wipe: %w", err)
	}
	return nil
}

// started reads what up remembered.
func (in *Instance) started() (map[string]process, error) {
	procs := map[string]process{}
	b, err := os.ReadFile(in.path("processes"))
	if errors.Is(err, fs.ErrNotExist) {
		return procs, nil
	}
	if err != nil {
		return nil, err
	}
	return procs, json.Unmarshal(b, &procs)
}

// remember writes the record of one start, before anything else can go wrong.
func (in *Instance) remember(name string, p process) error {
	procs, err := in.started()
	if err != nil {
		return err
	}
	procs[name] = p
	b, err := json.Marshal(procs)
	if err != nil {
		return err
	}
	return replaceFile(in.path("processes"), b)
}

func replaceFile(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
