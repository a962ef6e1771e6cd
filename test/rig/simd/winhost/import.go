package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"containerd-shim-hcs/hcs"
)

// Import implements sim.Store.
func (s *Store) Import(path, from string, parents []string) error {
	return fail("import layer", path, importLayer(path, from, parents))
}

func importLayer(path, from string, parents []string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// The client writes a utility VM into the layer itself, not into the transport.
		if n := strings.TrimSuffix(e.Name(), dirSuffix); n != filesDir && n != hivesDir && n != tombstones {
			return &hcs.Error{Op: "import layer", ID: path, Code: hcs.ErrInvalidLayer, Message: "unexpected " + n + " in the transport folder"}
		}
	}
	lower, err := openLayers(parents)
	if err != nil {
		return err
	}
	im := importer{from: filepath.Join(from, filesDir), to: filepath.Join(path, filesDir)}
	if err := os.MkdirAll(im.to, 0o777); err != nil {
		return err
	}
	if err := im.dir(lower, "."); err != nil {
		return err
	}
	if err := writeLines(filepath.Join(path, inheritedFile), im.inherited); err != nil {
		return err
	}
	return copyHives(filepath.Join(from, hivesDir), filepath.Join(path, hivesDir))
}

type importer struct {
	from, to  string
	inherited []string
}

// dir imports a directory that the transport has. The client deletes names from the imported layer afterwards, so what the parents
// have in that directory is taken over first; what is missing later was deleted.
func (im *importer) dir(lower []layer, rel string) error {
	entries, err := os.ReadDir(filepath.Join(im.from, rel))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	below, err := children(lower, rel)
	if err != nil {
		return err
	}
	mine := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), dirSuffix) {
			continue
		}
		mine[fold(e.Name())] = true
		at := filepath.Join(rel, e.Name())
		if e.IsDir() {
			err = im.subdir(lower, at)
		} else {
			err = im.file(at)
		}
		if err != nil {
			return err
		}
	}
	for _, n := range below {
		if mine[fold(n.name)] {
			continue
		}
		at := filepath.Join(rel, n.name)
		im.inherited = append(im.inherited, at)
		if n.info.IsDir() {
			err = os.MkdirAll(filepath.Join(im.to, at), 0o777)
		} else {
			err = copyFile(n.host, filepath.Join(im.to, at), n.info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// subdir imports a directory and then its record, which its content would change again.
func (im *importer) subdir(lower []layer, rel string) error {
	to := filepath.Join(im.to, rel)
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	if err := im.dir(lower, rel); err != nil {
		return err
	}
	return im.record(filepath.Join(im.from, rel)+dirSuffix, to, true)
}

func (im *importer) file(rel string) error {
	return im.record(filepath.Join(im.from, rel), filepath.Join(im.to, rel), false)
}

// record restores what the transport has at path, with its time and attributes.
func (im *importer) record(path, to string, dir bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	attr, err := restore(path, to, dir)
	if err != nil {
		return err
	}
	return settle(to, info.ModTime(), attr)
}

// copyHives copies registry files, which the transport has as they are.
func copyHives(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o666); err != nil {
			return err
		}
	}
	return nil
}
