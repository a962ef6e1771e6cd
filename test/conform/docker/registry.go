//go:build linux

package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	ggcrregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The images, as the registry names them. manyBuilds is a manifest list with winapp for several builds of Windows, of which that for the
// rig's build comes in the middle; the others, and the one for Linux, print that they are the wrong ones.
const (
	winapp     = "winapp:1"
	winapp2    = "winapp:2"
	manyBuilds = "winapp:many-builds"
)

// hostBuild is the rig's (test/rig/image).
const hostBuild = "10.0.20348.2700"

// registry serves images on loopback, to which engines speak without TLS.
type registry struct {
	address string // HOST:PORT
	server  *http.Server
}

// serveImages starts a registry with the images of an OCI layout.
func serveImages(ctx context.Context, file string) (*registry, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := ggcrregistry.Logger(log.New(io.Discard, "", 0))
	r := &registry{address: l.Addr().String(), server: &http.Server{Handler: ggcrregistry.New(quiet)}} //nolint:gosec // on loopback, for this run
	go func() { _ = r.server.Serve(l) }()
	if err := r.load(ctx, file); err != nil {
		r.close()
		return nil, fmt.Errorf("images of %s: %w", file, err)
	}
	return r, nil
}

func (r *registry) close() { _ = r.server.Close() }

func (r *registry) load(ctx context.Context, file string) error {
	dir, err := os.MkdirTemp("", "docker-images-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := untar(file, dir); err != nil {
		return err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return err
		}
		short := strings.TrimPrefix(d.Annotations["io.containerd.image.name"], "docker.io/library/")
		if err := r.write(short, func(ref name.Reference) error { return remote.Write(ref, img, remote.WithContext(ctx)) }); err != nil {
			return err
		}
		if short != winapp {
			continue
		}
		list, err := builds(img)
		if err == nil {
			err = r.write(manyBuilds, func(ref name.Reference) error { return remote.WriteIndex(ref, list, remote.WithContext(ctx)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *registry) write(short string, put func(name.Reference) error) error {
	ref, err := name.ParseReference(r.address+"/"+short, name.Insecure)
	if err == nil {
		err = put(ref)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", short, err)
	}
	return nil
}

// builds makes the manifest list of an image for the host's build.
func builds(img v1.Image) (v1.ImageIndex, error) {
	list := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range []v1.Platform{
		{OS: "linux", Architecture: "amd64"}, {OS: "windows", Architecture: "amd64", OSVersion: "10.0.26100.1"},
		{OS: "windows", Architecture: "arm64", OSVersion: hostBuild},
		{OS: "windows", Architecture: "amd64", OSVersion: hostBuild}, {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763.1"},
	} {
		one := img
		if p.OSVersion != hostBuild || p.Architecture != "amd64" {
			config, err := img.ConfigFile()
			if err != nil {
				return nil, err
			}
			c := config.DeepCopy()
			c.OS, c.Architecture, c.OSVersion = p.OS, p.Architecture, p.OSVersion
			c.Config.Cmd = []string{"winapp.exe", "print", "the image for", p.String()}
			if one, err = mutate.ConfigFile(img, c); err != nil {
				return nil, err
			}
		}
		list = mutate.AppendManifests(list, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: &p}})
	}
	return list, nil
}

// untar unpacks a layout, which has files only.
func untar(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("entry %q leads out of it", h.Name)
		}
		path := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		out, err := os.Create(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, r)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
}
