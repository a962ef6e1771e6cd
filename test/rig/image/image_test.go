package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"testing"
)

// files reads a tar stream back: content by name, and the headers in order.
func files(t *testing.T, data []byte) (map[string][]byte, []*tar.Header) {
	t.Helper()
	content := map[string][]byte{}
	var headers []*tar.Header
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return content, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := content[h.Name]; twice {
			t.Errorf("%s is there twice", h.Name)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		content[h.Name] = b
		headers = append(headers, h)
	}
}

// open returns the blob of a descriptor, checked against it.
func open(t *testing.T, blobs map[string][]byte, d descriptor) []byte {
	t.Helper()
	data, ok := blobs["blobs/sha256/"+d.Digest[len("sha256:"):]]
	if !ok {
		t.Fatalf("no blob %s", d.Digest)
	}
	if sum := sha256.Sum256(data); "sha256:"+hex.EncodeToString(sum[:]) != d.Digest || len(data) != d.Size {
		t.Errorf("blob %s: content of %d bytes has another digest or size", d.Digest, len(data))
	}
	return data
}

func decode(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// The layout holds together: every digest named is there and right, diff ids are those of the layers.
func TestLayoutHoldsTogether(t *testing.T) {
	exe := bytes.Repeat([]byte("MZ exe "), 1000)
	host := bytes.Repeat([]byte("MZ agnhost "), 1000)
	data, err := build(exe, host)
	if err != nil {
		t.Fatal(err)
	}
	blobs, _ := files(t, data)
	var idx index
	decode(t, blobs["index.json"], &idx)
	layers := map[string]int{}
	configs := map[string]string{}
	used := map[string]bool{"index.json": true, "oci-layout": true}
	for _, d := range idx.Manifests {
		var m manifest
		var c imageConfig
		decode(t, open(t, blobs, d), &m)
		decode(t, open(t, blobs, m.Config), &c)
		if c.platform != *d.Platform || c.OSVersion != osVersion || c.OS != "windows" {
			t.Errorf("platform %v in the config, %v in the index", c.platform, *d.Platform)
		}
		var digests []string
		for _, l := range append([]descriptor{d, m.Config}, m.Layers...) {
			open(t, blobs, l)
			used["blobs/sha256/"+l.Digest[len("sha256:"):]] = true
		}
		for _, l := range m.Layers {
			digests = append(digests, l.Digest)
		}
		if !slices.Equal(digests, c.RootFS.DiffIDs) {
			t.Errorf("layers %v, diff ids %v", digests, c.RootFS.DiffIDs)
		}
		layers[d.Annotations["io.containerd.image.name"]] = len(digests)
		name := d.Annotations["io.containerd.image.name"]
		if other := configs[m.Config.Digest]; other != "" {
			t.Errorf("%s and %s are the same image", other, name)
		}
		configs[m.Config.Digest] = name
		if slices.Equal(c.Config.Entrypoint, []string{`C:\agnhost.exe`}) != (name == "docker.io/library/agnhost:1") {
			t.Errorf("entrypoint of %s: %q", name, c.Config.Entrypoint)
		}
	}
	want := map[string]int{"docker.io/library/winbase:1": 1, "docker.io/library/winapp:1": 2, "docker.io/library/winapp:2": 2,
		"docker.io/library/winpause:1": 2, "docker.io/library/agnhost:1": 2}
	if !maps.Equal(layers, want) {
		t.Errorf("layers by image: %v, want %v", layers, want)
	}
	for name := range blobs {
		if !used[name] {
			t.Errorf("%s belongs to no image", name)
		}
	}
	again, err := build(exe, host)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same input makes another image (%v)", err)
	}
	if without, err := build(exe, nil); err != nil || bytes.Contains(without, []byte("agnhost")) {
		t.Errorf("without agnhost.exe there is an image of it (%v)", err)
	}
}

// A layer is what the differ takes: entries only under Files and Hives, parents first, attributes that agree with the type.
func TestLayersAreWindowsLayers(t *testing.T) {
	exe := []byte("MZ")
	for name, entries := range map[string][]entry{"base": baseEntries(), "app": appEntries(exe), "agnhost": agnhostEntries(exe)} {
		data, err := layer(entries)
		if err != nil {
			t.Fatal(err)
		}
		content, headers := files(t, data)
		for _, h := range headers {
			attr, dir := "32", h.Typeflag == tar.TypeDir
			if dir {
				attr = "16"
			}
			if got := h.PAXRecords["MSWINDOWS.fileattr"]; got != attr {
				t.Errorf("%s: %s: attributes %q, want %q", name, h.Name, got, attr)
			}
			if parent := path.Dir(path.Clean(h.Name)); parent == "." {
				if h.Name != "Files" && h.Name != "Hives" && h.Name != "Files/" && h.Name != "Hives/" {
					t.Errorf("%s: %s at the top of a layer", name, h.Name)
				}
			} else if !slices.ContainsFunc(headers[:slices.Index(headers, h)], func(p *tar.Header) bool { return path.Clean(p.Name) == parent }) {
				t.Errorf("%s: %s comes before its directory", name, h.Name)
			}
		}
		if name == "app" && !bytes.Equal(content["Files/app/winapp.exe"], exe) {
			t.Errorf("winapp.exe is %q", content["Files/app/winapp.exe"])
		}
		if name == "agnhost" && !bytes.Equal(content["Files/agnhost.exe"], exe) {
			t.Errorf("agnhost.exe is %q", content["Files/agnhost.exe"])
		}
	}
	base, app := baseEntries(), appEntries(exe)
	over := slices.IndexFunc(app, func(e entry) bool {
		return e.data != nil && slices.ContainsFunc(base, func(b entry) bool { return b.name == e.name && !bytes.Equal(b.data, e.data) })
	})
	if over < 0 {
		t.Error("no file of the second layer lies over one of the first")
	}
}

// Walking the cells of a hive's bin comes out at its end, and the checksum is right.
func TestHiveIsWellFormed(t *testing.T) {
	h := hive("SYSTEM")
	le := binary.LittleEndian
	var sum uint32
	for i := 0; i < 512; i += 4 {
		sum ^= le.Uint32(h[i:])
	}
	if sum != 0 {
		t.Errorf("checksum is off by %#x", sum)
	}
	bin := h[4096:]
	var kinds []string
	offset := 32
	for offset < len(bin) {
		size := int(int32(le.Uint32(bin[offset:])))
		if size < 0 {
			kinds = append(kinds, string(bin[offset+4:offset+6]))
			size = -size
		}
		if size == 0 || size%8 != 0 {
			t.Fatalf("cell of %d bytes at %#x", size, offset)
		}
		offset += size
	}
	if offset != len(bin) || !slices.Equal(kinds, []string{"nk", "sk"}) {
		t.Errorf("cells %v end at %#x", kinds, offset)
	}
}
