package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// entry is a file of a layer, or a directory when data is nil.
type entry struct {
	name string
	data []byte
}

// FILE_ATTRIBUTE_… values of the MSWINDOWS.fileattr record.
const (
	attrDirectory = 0x10
	attrArchive   = 0x20
)

// epoch is the time of every entry: images are the same whenever they are made.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// hives are the registry files of a Windows layer: whole in a base layer, where Windows keeps them and as Hives\<name>_BASE, and as
// Hives\<name>_DELTA in every further one.
var hives = []string{"DEFAULTUSER", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"}

func baseEntries() []entry {
	es := []entry{
		{name: "Files"},
		{name: "Files/base.txt", data: []byte("from the base layer\r\n")},
		{name: "Files/both.txt", data: []byte("base\r\n")},
		{name: "Files/Windows"},
		{name: "Files/Windows/System32"},
		{name: "Files/Windows/System32/config"},
	}
	for _, h := range hives {
		name := h
		if h == "DEFAULTUSER" {
			name = "DEFAULT" // its name in config
		}
		es = append(es, entry{"Files/Windows/System32/config/" + name, hive(h)})
	}
	es = append(es, entry{name: "Hives"})
	for _, h := range hives {
		es = append(es, entry{"Hives/" + h + "_BASE", hive(h)})
	}
	return es
}

func appEntries(winapp []byte) []entry {
	es := []entry{
		{name: "Files"},
		{name: "Files/both.txt", data: []byte("app\r\n")},
		{name: "Files/app"},
		{name: "Files/app/hello.txt", data: []byte("hello from the app layer\r\n")},
		{name: "Files/app/winapp.exe", data: winapp},
		{name: "Hives"},
	}
	return append(es, deltas()...)
}

// agnhostEntries are what the image of Kubernetes has beside its program for netexec: a directory for uploads.
func agnhostEntries(agnhost []byte) []entry {
	return append([]entry{{name: "Files"}, {name: "Files/agnhost.exe", data: agnhost}, {name: "Files/uploads"}, {name: "Hives"}}, deltas()...)
}

func deltas() []entry {
	var es []entry
	for _, h := range hives {
		es = append(es, entry{"Hives/" + h + "_DELTA", hive(h)})
	}
	return es
}

// layer writes the entries as a tar stream. Parents come before their children: the differ makes no directory by itself.
func layer(entries []entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{
			Format: tar.FormatPAX, Name: e.name, Mode: 0o644, Size: int64(len(e.data)), Typeflag: tar.TypeReg,
			ModTime: epoch, AccessTime: epoch, ChangeTime: epoch,
		}
		attr := attrArchive
		if e.data == nil {
			h.Typeflag, h.Mode, attr = tar.TypeDir, 0o755, attrDirectory
		}
		h.PAXRecords = map[string]string{
			"MSWINDOWS.fileattr":      strconv.Itoa(attr),
			"LIBARCHIVE.creationtime": strconv.FormatInt(epoch.Unix(), 10),
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("layer entry %s: %w", e.name, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("layer entry %s: %w", e.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
