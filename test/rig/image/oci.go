package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// osVersion is the rig's: containerd runs a process isolated image only on the same build.
const osVersion = "10.0.20348.2700"

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// The JSON below is that of the OCI image specification.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	OSVersion    string `json:"os.version"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type imageConfig struct {
	platform
	Created string          `json:"created"`
	Config  containerConfig `json:"config"`
	RootFS  rootFS          `json:"rootfs"`
}

type containerConfig struct {
	Env        []string
	Entrypoint []string `json:",omitempty"`
	Cmd        []string
	WorkingDir string
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// layout collects blobs and images.
type layout struct {
	order []string // digests, as they came
	blobs map[string][]byte
	index index
}

func (l *layout) blob(mediaType string, data []byte) descriptor {
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if l.blobs == nil {
		l.blobs = map[string][]byte{}
	}
	if _, ok := l.blobs[digest]; !ok {
		l.order = append(l.order, digest)
	}
	l.blobs[digest] = data
	return descriptor{MediaType: mediaType, Digest: digest, Size: len(data)}
}

// image adds an image; the layers are not compressed, so a layer's digest is its diff id too.
func (l *layout) image(name string, config containerConfig, layers ...[]byte) error {
	p := platform{Architecture: "amd64", OS: "windows", OSVersion: osVersion}
	c := imageConfig{platform: p, Created: epoch.Format("2006-01-02T15:04:05Z"), Config: config, RootFS: rootFS{Type: "layers"}}
	m := manifest{SchemaVersion: 2, MediaType: typeManifest}
	for _, data := range layers {
		d := l.blob(typeLayer, data)
		m.Layers = append(m.Layers, d)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, d.Digest)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("config of %s: %w", name, err)
	}
	m.Config = l.blob(typeConfig, data)
	if data, err = json.Marshal(m); err != nil {
		return fmt.Errorf("manifest of %s: %w", name, err)
	}
	d := l.blob(typeManifest, data)
	d.Platform = &p
	d.Annotations = map[string]string{"io.containerd.image.name": name}
	l.index.Manifests = append(l.index.Manifests, d)
	return nil
}

// tar writes the OCI layout.
func (l *layout) tar() ([]byte, error) {
	l.index.SchemaVersion, l.index.MediaType = 2, typeIndex
	data, err := json.Marshal(l.index)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	files := []entry{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", data}}
	for _, digest := range l.order {
		files = append(files, entry{"blobs/sha256/" + digest[len("sha256:"):], l.blobs[digest]})
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), Typeflag: tar.TypeReg, ModTime: epoch}); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
