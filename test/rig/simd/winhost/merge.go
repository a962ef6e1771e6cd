package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"containerd-shim-hcs/hcs"
)

// Merge implements sim.Store: it builds the volume's directory from the parents and from what the scratch holds.
func (s *Store) Merge(path, volume string, parents []string) error {
	return fail("merge layer", path, s.merge(path, volume, parents))
}

func (s *Store) merge(path, volume string, parents []string) error {
	dir, err := s.volumeDir(volume)
	if err != nil {
		return err
	}
	lower, err := openLayers(parents)
	if err != nil {
		return err
	}
	upper, err := openChanges(path)
	if err != nil {
		return err
	}
	// Unmerge is not told the parents, and a service that was started anew does not remember them.
	if err := os.MkdirAll(upper.dir, 0o777); err != nil {
		return err
	}
	if err := writeLines(filepath.Join(path, changesDir, parentsFile), parents); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	if err := build(append([]layer{upper}, lower...), ".", dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return s.hold(path)
}

// hold keeps the directory of a mounted scratch from being renamed or removed, as the open virtual disk in it does on Windows: containerd's
// snapshotter would take it away under a container that nobody has released yet.
func (s *Store) hold(path string) error {
	s.letGo(path) // of a time that was not undone
	f, err := os.Open(path)
	if err == nil {
		s.open.Store(filepath.Clean(path), f)
	}
	return err
}

func (s *Store) letGo(path string) {
	if f, ok := s.open.LoadAndDelete(filepath.Clean(path)); ok {
		_ = f.(*os.File).Close() // nothing was written to it
	}
}

// build copies directory rel of the view into dst.
func build(layers []layer, rel, dst string) error {
	list, err := children(layers, rel)
	if err != nil {
		return err
	}
	for _, n := range list {
		to := filepath.Join(dst, n.name)
		if !n.info.IsDir() {
			if err := copyFile(n.host, to, n.info); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(to, 0o777); err != nil {
			return err
		}
		if err := build(n.below, filepath.Join(rel, n.name), to); err != nil {
			return err
		}
		// After its content, which would set the time again.
		if err := settle(to, n.info.ModTime(), attributes(n.info)); err != nil {
			return err
		}
	}
	return nil
}

// Unmerge implements sim.Store: what differs from the parents becomes the scratch's content, and the volume goes.
func (s *Store) Unmerge(path, volume string) error {
	return fail("unmerge layer", path, s.unmerge(path, volume))
}

func (s *Store) unmerge(path, volume string) error {
	dir, err := s.volumeDir(volume)
	if err != nil {
		return err
	}
	changes := filepath.Join(path, changesDir)
	parents, err := readLines(filepath.Join(changes, parentsFile))
	if err != nil {
		return err
	}
	if len(parents) == 0 {
		return &hcs.Error{Op: "unmerge layer", ID: path, Code: hcs.ErrInvalidLayer, Message: "it was never merged"}
	}
	lower, err := openLayers(parents)
	if err != nil {
		return err
	}
	// The volume is taken away first: a program that still works in it must not change what is being compared. Until the new
	// content is complete everything can be put back.
	gone, fresh, stale := dir+".gone", changes+".new", changes+".old"
	if err := errors.Join(os.RemoveAll(gone), os.Rename(dir, gone)); err != nil {
		return err
	}
	err = save(lower, gone, fresh, parents)
	if err == nil {
		err = replace(changes, fresh, stale)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh), os.Rename(gone, dir))
	}
	s.letGo(path)
	discard(stale)
	discard(gone)
	return nil
}

// discard removes what nobody needs any more. A program that is just ending may have a file in it open for a moment: the layer is unmerged
// all the same, and what is left is tried again, and by the next unmerge.
func discard(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	go func() {
		for range 20 {
			time.Sleep(500 * time.Millisecond)
			if os.RemoveAll(dir) == nil {
				return
			}
		}
	}()
}

// replace puts a directory in another's place, or leaves that where it is: a rename is refused while somebody has a file in it open.
func replace(dir, fresh, stale string) error {
	if err := os.RemoveAll(stale); err != nil { // of an attempt that was cut off
		return err
	}
	if err := os.Rename(dir, stale); err != nil {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return errors.Join(err, os.Rename(stale, dir))
	}
	return nil
}

// save writes the changes directory of a volume.
func save(lower []layer, volume, changes string, parents []string) error {
	if err := os.RemoveAll(changes); err != nil { // of an attempt that was cut off
		return err
	}
	d := difference{volume: volume, to: filepath.Join(changes, filesDir)}
	if err := os.MkdirAll(d.to, 0o777); err != nil {
		return err
	}
	if err := d.dir(lower, "."); err != nil {
		return err
	}
	if err := writeLines(filepath.Join(changes, deletedFile), d.deleted); err != nil {
		return err
	}
	return writeLines(filepath.Join(changes, parentsFile), parents)
}

// difference is a comparison of a volume with the layers below it.
type difference struct {
	volume, to string
	deleted    []string
}

// dir compares directory rel; layers are those that have it.
func (d *difference) dir(layers []layer, rel string) error {
	list, err := children(layers, rel)
	if err != nil {
		return err
	}
	old := map[string]node{}
	for _, n := range list {
		old[fold(n.name)] = n
	}
	entries, err := os.ReadDir(filepath.Join(d.volume, rel))
	if err != nil {
		return err
	}
	for _, e := range entries {
		sub := filepath.Join(rel, e.Name())
		n, known := old[fold(e.Name())]
		delete(old, fold(e.Name()))
		info, err := e.Info()
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			if !known || !n.info.IsDir() {
				if err := os.MkdirAll(filepath.Join(d.to, sub), 0o777); err != nil {
					return err
				}
			}
			if err := d.dir(n.below, sub); err != nil {
				return err
			}
			err = settle(filepath.Join(d.to, sub), info.ModTime(), attributes(info))
			if errors.Is(err, fs.ErrNotExist) { // nothing in it changed
				err = nil
			}
		case !known || n.info.IsDir() || changed(info, n.info):
			to := filepath.Join(d.to, sub)
			if err = os.MkdirAll(filepath.Dir(to), 0o777); err == nil {
				err = copyFile(filepath.Join(d.volume, sub), to, info)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, n := range list {
		if _, left := old[fold(n.name)]; left {
			d.deleted = append(d.deleted, filepath.Join(rel, n.name))
		}
	}
	return nil
}

// changed reports whether a file of a volume is no longer the one that was put there. Merge keeps times, so a time that differs is
// a write.
func changed(now, before fs.FileInfo) bool {
	return now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) || now.Mode() != before.Mode()
}
