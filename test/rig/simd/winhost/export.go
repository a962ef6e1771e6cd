package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"containerd-shim-hcs/hcs"
)

// Export implements sim.Store: what a scratch holds beyond its parents, also when it has become a layer since. A layer that never
// was a scratch is refused, because nobody asks for it: what is left of a tar after its import is not that tar.
func (s *Store) Export(path, to string, _ []string) error {
	if !s.HasScratch(path) {
		return &hcs.Error{Op: "export layer", ID: path, Code: hcs.ErrInvalidLayer, Message: "it has no " + scratchDisk}
	}
	return fail("export layer", path, exportLayer(path, to))
}

func exportLayer(path, to string) error {
	changes := filepath.Join(path, changesDir)
	deleted, err := readLines(filepath.Join(changes, deletedFile))
	if err != nil {
		return err
	}
	list := tombstonesHead
	for _, rel := range deleted {
		list += `\` + strings.ReplaceAll(rel, string(filepath.Separator), `\`) + "\n"
	}
	if err := os.WriteFile(filepath.Join(to, tombstones), []byte(list), 0o666); err != nil {
		return err
	}
	// A container's registry changes would be here; nothing loads hives, so the differences are empty files.
	if err := os.MkdirAll(filepath.Join(to, hivesDir), 0o777); err != nil {
		return err
	}
	for _, name := range []string{"DefaultUser_Delta", "Sam_Delta", "Security_Delta", "Software_Delta", "System_Delta"} {
		if err := os.WriteFile(filepath.Join(to, hivesDir, name), nil, 0o666); err != nil {
			return err
		}
	}
	from := filepath.Join(changes, filesDir)
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) && p == from {
				return os.MkdirAll(filepath.Join(to, filesDir), 0o777)
			}
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		at := filepath.Join(to, filesDir, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return writeTransport(at, p, info)
		}
		if err := os.MkdirAll(at, 0o777); err != nil || rel == "." {
			return err
		}
		return writeTransport(at+dirSuffix, p, info)
	})
}
