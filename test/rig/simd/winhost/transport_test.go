package winhost

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"containerd-shim-hcs/hcs"
)

// record is a file of a transport folder: attributes and streams.
func record(attr uint32, streams ...[]byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, attr), bytes.Join(streams, nil)...)
}

// stream is one backup stream.
func stream(id uint32, name string, data []byte) []byte {
	var n []byte
	for _, u := range utf16.Encode([]rune(name)) {
		n = binary.LittleEndian.AppendUint16(n, u)
	}
	b := binary.LittleEndian.AppendUint32(nil, id)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(n)))
	return append(append(b, n...), data...)
}

func sparse(at int64, data string) []byte {
	return stream(streamSparse, "", append(binary.LittleEndian.AppendUint64(nil, uint64(at)), data...))
}

// put makes one file of a transport folder.
func put(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(p), 0o777))
	must(t, os.WriteFile(p, b, 0o666))
	must(t, os.Chtimes(p, stamp, stamp))
}

// transport is what a client hands to ImportLayer for a layer over newStack's base and second.
func transport(t *testing.T) string {
	dir := t.TempDir()
	d := record(attrDirectory)
	put(t, dir, "Files"+dirSuffix, d)
	put(t, dir, "Hives"+dirSuffix, d)
	put(t, dir, "Hives/System_Delta", []byte("regf"))
	put(t, dir, "Files/Windows"+dirSuffix, d)
	put(t, dir, "Files/Windows/new", record(attrArchive, stream(3, "", []byte("a descriptor")), stream(streamData, "", []byte("third"))))
	put(t, dir, "Files/Windows/ro", record(attrReadOnly, stream(streamData, "", []byte("kept"))))
	put(t, dir, "Files/holes", record(attrArchive, stream(streamData, "", nil), sparse(4, "data"), sparse(12, "")))
	put(t, dir, "Files/side", record(attrArchive, stream(streamData, "", []byte("main")), stream(streamAlternate, ":zone:$DATA", []byte("3"))))
	return dir
}

func TestImport(t *testing.T) {
	s := newStack(t)
	third := s.base + "third"
	from := transport(t)
	must(t, s.Import(third, from, s.parents))
	want(t, filepath.Join(third, filesDir),
		"Windows/", "Windows/a=second a", "Windows/deep/", "Windows/new=third", "Windows/ro=kept", // deep is a placeholder
		"app/", "c=base c", "empty/", "holes=\x00\x00\x00\x00data\x00\x00\x00\x00", "side=main", "side:zone=3")
	want(t, filepath.Join(third, hivesDir), "System_Delta=regf")
	info, err := os.Stat(filepath.Join(third, filesDir, "Windows", "ro"))
	must(t, err)
	if !info.ModTime().Equal(stamp) || info.Mode()&0o222 != 0 {
		t.Errorf("imported file has time %v and mode %v", info.ModTime(), info.Mode())
	}

	// The client takes away what its tar deletes.
	must(t, os.Remove(filepath.Join(third, filesDir, "Windows", "a")))
	must(t, os.Remove(filepath.Join(third, filesDir, "app")))
	s.parents = append([]string{third}, s.parents...)
	s.merge()
	want(t, s.volume, "Windows/", "Windows/deep/", "Windows/deep/b=base b", "Windows/new=third", "Windows/ro=kept",
		"c=base c", "empty/", "holes=\x00\x00\x00\x00data\x00\x00\x00\x00", "side=main", "side:zone=3")
}

func TestImportRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		name    string
		content []byte
		code    hcs.Code
		text    string
	}{
		"link":           {"Files/l", record(attrArchive, stream(streamReparse, "", []byte("target"))), hcs.ErrNotSupported, "reparse"},
		"junction":       {"Files/Windows" + dirSuffix, record(attrDirectory, stream(streamReparse, "", []byte("target"))), hcs.ErrNotSupported, "reparse"},
		"cut head":       {"Files/x", []byte{1, 0}, codeFail, "attributes"},
		"cut header":     {"Files/x", record(0, []byte{1, 0, 0}), codeFail, "stream"},
		"cut data":       {"Files/x", record(0, stream(streamData, "", []byte("data"))[:22]), codeFail, "unexpected EOF"},
		"cut skipped":    {"Files/x", record(0, stream(3, "", []byte("data"))[:22]), codeFail, "unexpected EOF"},
		"stream outside": {"Files/x", record(0, stream(streamAlternate, `:..\y:$DATA`, nil)), hcs.ErrInvalidData, "stream name"},
		"bad sparse":     {"Files/x", record(0, stream(streamSparse, "", bytes.Repeat([]byte{0xff}, 9))), hcs.ErrInvalidData, "sparse"},
		"huge name":      {"Files/x", record(0, append(stream(streamData, "", nil)[:16], 0xff, 0xff, 0xff, 0xff)), hcs.ErrInvalidData, "not a backup stream"},
		"unknown part":   {"Other/x", nil, hcs.ErrInvalidLayer, "unexpected Other"},
	} {
		t.Run(what, func(t *testing.T) {
			s, from := newStack(t), transport(t)
			put(t, from, c.name, c.content)
			err := s.Import(s.base+"third", from, s.parents)
			if hcs.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.code, c.text)
			}
		})
	}
}

// What a scratch holds, exported and imported as a layer over the same parents, gives the same view.
func TestExportImportRoundTrip(t *testing.T) {
	s := newStack(t)
	s.merge()
	tree(t, s.volume, "Windows/new=n", "made/sub/f=f", "hollow/")
	must(t, os.Remove(filepath.Join(s.volume, "Windows", "a")))
	must(t, os.RemoveAll(filepath.Join(s.volume, "app")))
	after := show(t, s.volume)
	s.unmerge()

	out := t.TempDir()
	must(t, s.Export(s.scratch, out, s.parents))
	b, err := os.ReadFile(filepath.Join(out, tombstones))
	must(t, err)
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if lines[0]+"\n" != tombstonesHead {
		t.Errorf("head of the tombstones is %q", lines[0])
	}
	gone := lines[1:]
	slices.Sort(gone)
	if !slices.Equal(gone, []string{`\Windows\a`, `\app`}) {
		t.Errorf("tombstones are %q", gone)
	}
	info, err := os.Stat(filepath.Join(out, filesDir, "made", "sub", "f"))
	must(t, err)
	if !info.ModTime().Equal(stamp) {
		t.Errorf("time of an exported file is %v", info.ModTime())
	}

	// What the client does of it: no tombstones file in the folder, and the names deleted after the import.
	must(t, os.Remove(filepath.Join(out, tombstones)))
	third := s.base + "third"
	must(t, s.Import(third, out, s.parents))
	for _, g := range gone {
		must(t, os.Remove(filepath.Join(third, filesDir, filepath.FromSlash(strings.ReplaceAll(g[1:], `\`, "/")))))
	}
	fourth := s.base + "fourth"
	s.scratch, s.parents = fourth, append([]string{third}, s.parents...)
	must(t, s.CreateScratch(fourth, s.parents))
	s.merge()
	if got := show(t, s.volume); !slices.Equal(got, after) {
		t.Errorf("\n got %q\nwant %q", got, after)
	}
}

func TestExportOfUntouchedScratch(t *testing.T) {
	s := newStack(t)
	out := t.TempDir()
	must(t, s.Export(s.scratch, out, s.parents))
	want(t, filepath.Join(out, filesDir))
	if _, err := os.Stat(filepath.Join(out, hivesDir, "System_Delta")); err != nil {
		t.Error(err) // its time is what the client gives to Files and Hives
	}
	if err := s.Export(s.base, t.TempDir(), nil); hcs.CodeOf(err) != hcs.ErrInvalidLayer {
		t.Errorf("export of a layer without scratch: %v", err)
	}
}
