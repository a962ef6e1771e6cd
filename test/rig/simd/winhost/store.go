package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"containerd-shim-hcs/hcs"
)

// Store keeps layers on disk. It implements sim.Store.
type Store struct {
	root string   // the service's directory; volumes are below it
	open sync.Map // *os.File of the directory of each merged scratch, by its path: see hold
}

// disk is what the simulated virtual disks hold: the signature of a VHDX and what they are.
const disk = "vhdxfile simulated: the content of a scratch is in " + changesDir + "\n"

// Exists implements sim.Store.
func (s *Store) Exists(path string) bool { return isDir(path) }

// HasPath implements sim.Store. The path may begin with a volume's name.
func (s *Store) HasPath(path string) bool {
	if _, _, ok := splitVolume(path); ok {
		path = hostPath(s.root, path)
	}
	_, err := os.Stat(path)
	return err == nil
}

// HasScratch implements sim.Store.
func (s *Store) HasScratch(path string) bool {
	info, err := os.Stat(filepath.Join(path, scratchDisk))
	return err == nil && info.Mode().IsRegular()
}

// CreateScratch implements sim.Store: sandbox.vhdx is a copy of the base layer's blank.vhdx.
func (s *Store) CreateScratch(path string, parents []string) error {
	const op = "create scratch"
	if len(parents) == 0 {
		return &hcs.Error{Op: op, ID: path, Code: hcs.ErrInvalidArgument, Message: "no parent layers"}
	}
	if s.HasScratch(path) {
		return &hcs.Error{Op: op, ID: path, Code: hcs.ErrFileExists, Message: scratchDisk + " is there already"}
	}
	blank := filepath.Join(parents[len(parents)-1], "blank.vhdx")
	info, err := os.Stat(blank)
	if err != nil {
		return fail(op, path, err)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return fail(op, path, err)
	}
	return fail(op, path, copyFile(blank, filepath.Join(path, scratchDisk), info))
}

// hives are the registry files of a base image and what a layer calls them (hcs-api §6.1).
var hives = map[string]string{
	"DEFAULT": "DefaultUser_Base", "SAM": "Sam_Base", "SECURITY": "Security_Base", "SOFTWARE": "Software_Base", "SYSTEM": "System_Base",
}

// ProcessBase implements sim.Store. A base image without registry is accepted, since nothing loads it here [assumed].
func (s *Store) ProcessBase(path string) error {
	return fail("process base layer", path, processBase(path))
}

func processBase(path string) error {
	if !isDir(filepath.Join(path, filesDir)) {
		return &fs.PathError{Op: "open base layer", Path: filepath.Join(path, filesDir), Err: fs.ErrNotExist}
	}
	if err := os.MkdirAll(filepath.Join(path, hivesDir), 0o777); err != nil {
		return err
	}
	for from, to := range hives {
		src, dst := filepath.Join(path, filesDir, "Windows", "System32", "config", from), filepath.Join(path, hivesDir, to)
		info, err := os.Stat(src)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			if err = os.Remove(dst); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err == nil {
			err = copyFile(src, dst, info)
		}
		if err != nil {
			return err
		}
	}
	if err := writeDisks(path, "blank-base.vhdx", "blank.vhdx"); err != nil {
		return err
	}
	// What a layer whose disk was made with its hives says.
	return os.WriteFile(filepath.Join(path, "layout"), []byte("vhd-with-hives\n"), 0o666)
}

// ProcessUtility implements sim.Store; path is the layer's UtilityVM directory.
func (s *Store) ProcessUtility(path string) error {
	const op = "process utility VM"
	if !isDir(filepath.Join(path, filesDir)) {
		return fail(op, path, &fs.PathError{Op: "open", Path: filepath.Join(path, filesDir), Err: fs.ErrNotExist})
	}
	return fail(op, path, writeDisks(path, "SystemTemplateBase.vhdx", "SystemTemplate.vhdx"))
}

func writeDisks(dir string, names ...string) error {
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), []byte(disk), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Destroy implements sim.Store.
func (s *Store) Destroy(path string) error { return fail("destroy layer", path, os.RemoveAll(path)) }
