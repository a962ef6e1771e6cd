package winhost

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"containerd-shim-hcs/hcs"
)

// The transport folder of ImportLayer and ExportLayer (hcs-api §6.1): every file is its attributes and its Win32 backup streams;
// a directory's are in a file beside it.
const (
	dirSuffix  = ".$wcidirs$"
	tombstones = "tombstones.txt"
	// tombstonesHead is the first line of tombstones.txt.
	tombstonesHead = "\xEF\xBB\xBFVersion 1.0\n"
)

// streamHeader is WIN32_STREAM_ID without its name.
type streamHeader struct {
	ID, Attributes uint32
	Size           uint64
	NameSize       uint32
}

const (
	streamData    = 1
	streamReparse = 8
)

// readTransport reads one file of a transport folder and writes its content to w.
func readTransport(path string, w io.Writer) (attr uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if err := binary.Read(r, binary.LittleEndian, &attr); err != nil {
		return 0, fmt.Errorf("%s: attributes: %w", path, err)
	}
	for {
		var h streamHeader
		if err := binary.Read(r, binary.LittleEndian, &h); errors.Is(err, io.EOF) {
			return attr, nil
		} else if err != nil {
			return attr, fmt.Errorf("%s: stream: %w", path, err)
		}
		to := io.Discard // security descriptors, extended attributes: Wine has no place for them
		switch {
		case h.ID == streamReparse:
			return attr, &hcs.Error{Op: "import", ID: path, Code: hcs.ErrNotSupported, Message: "reparse points cannot be made on Wine"}
		case h.ID == streamData && h.NameSize == 0:
			to = w
		}
		if _, err := io.CopyN(io.Discard, r, int64(h.NameSize)); err != nil {
			return attr, fmt.Errorf("%s: stream name: %w", path, err)
		}
		if _, err := io.CopyN(to, r, int64(h.Size)); err != nil {
			return attr, fmt.Errorf("%s: stream of %d bytes: %w", path, h.Size, err)
		}
	}
}

// writeTransport writes a host file, or a directory's record, in that form.
func writeTransport(path, from string, info fs.FileInfo) error {
	var head bytes.Buffer
	_ = binary.Write(&head, binary.LittleEndian, attributes(info))
	if info.IsDir() {
		return os.WriteFile(path, head.Bytes(), 0o666)
	}
	_ = binary.Write(&head, binary.LittleEndian, streamHeader{ID: streamData, Size: uint64(info.Size())})
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.MultiReader(&head, in))
	return errors.Join(err, out.Close(), os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// Import implements sim.Store.
func (s *Store) Import(path, from string, parents []string) error {
	return fail("import layer", path, importLayer(path, from, parents))
}

func importLayer(path, from string, parents []string) error {
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

func (im *importer) subdir(lower []layer, rel string) error {
	if err := os.MkdirAll(filepath.Join(im.to, rel), 0o777); err != nil {
		return err
	}
	return im.dir(lower, rel)
}

func (im *importer) file(rel string) error {
	to := filepath.Join(im.to, rel)
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	attr, err := readTransport(filepath.Join(im.from, rel), out)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(im.from, rel))
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

// Export implements sim.Store: what a scratch holds beyond its parents.
func (s *Store) Export(path, to string, _ []string) error {
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
		list += `\` + rel + "\n"
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
