// Package storage is the room for the container's file system: its layers and its mounts.
package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/Microsoft/go-winio/pkg/guid"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
)

// Mount is a rootfs mount of the create request.
type Mount struct {
	Type, Source, Target string
	Options              []string
}

// Plan is the layers and mounts to be shown.
type Plan struct {
	// Volume is that of a scratch which the client has mounted, with a trailing backslash: it is the client's to unmount, once the
	// container has been deleted. Empty: the layers are mounted for the container.
	Volume      string
	Scratch     string
	Parents     []string // nearest first, base last
	Directories []schema.MappedDirectory
	Pipes       []schema.MappedPipe
}

const (
	layerMount   = "windows-layer" // containerd's windows snapshotter
	parentLayers = "parentLayerPaths="
	pipePrefix   = `\\.\pipe\`
	volumePrefix = `\\?\Volume{`
)

// Resolve reads the layers from the create request's mounts or from windows.layerFolders, one of them, and the spec's mounts.
func Resolve(rootfs []Mount, spec *specs.Spec) (Plan, error) {
	var p Plan
	folders := spec.Windows.LayerFolders
	switch {
	case len(rootfs) > 0 && len(folders) > 0:
		return p, fmt.Errorf("windows.layerFolders and the request's rootfs are mutually exclusive: %w", errdefs.ErrInvalidArgument)
	case len(folders) == 1:
		return p, fmt.Errorf("windows.layerFolders: need at least one read-only layer and the scratch: %w", errdefs.ErrInvalidArgument)
	case len(folders) > 1:
		p.Parents, p.Scratch = folders[:len(folders)-1], folders[len(folders)-1]
	case len(rootfs) == 1:
		if err := p.fromMount(rootfs[0]); err != nil {
			return p, err
		}
	case len(rootfs) > 1:
		return p, fmt.Errorf("rootfs: %d mounts, need one: %w", len(rootfs), errdefs.ErrInvalidArgument)
	default:
		return p, fmt.Errorf("no layers: neither the request's rootfs nor windows.layerFolders is given: %w", errdefs.ErrInvalidArgument)
	}
	if r := spec.Root; r != nil {
		if r.Readonly {
			return p, fmt.Errorf("root.readonly: Windows has no read-only root file system: %w", errdefs.ErrInvalidArgument)
		}
		var err error
		if p.Volume, err = mounted(r.Path); err != nil {
			return p, err
		}
	}
	for i, m := range spec.Mounts {
		if err := p.addMount(fmt.Sprintf("mounts[%d]", i), m); err != nil {
			return p, err
		}
	}
	return p, nil
}

// mounted reads root.path: on Windows a volume GUID path (runtime-spec config.md, Root), as Docker gives it.
func mounted(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	id, is := cutPrefixFold(path, volumePrefix)
	id, ends := strings.CutSuffix(strings.TrimSuffix(id, `\`), "}")
	if _, err := guid.FromString(id); err != nil || !is || !ends {
		return "", fmt.Errorf("root.path %q is not a volume, want %sGUID}\\: %w", path, volumePrefix, errdefs.ErrInvalidArgument)
	}
	return volumePrefix + id + `}\`, nil
}

func (p *Plan) fromMount(m Mount) error {
	if m.Type != layerMount {
		return fmt.Errorf("rootfs type %q: only %s is supported: %w", m.Type, layerMount, errdefs.ErrNotImplemented)
	}
	if m.Source == "" {
		return fmt.Errorf("rootfs: no source: %w", errdefs.ErrInvalidArgument)
	}
	if m.Target != "" {
		return fmt.Errorf("rootfs: target %q: the root has no target: %w", m.Target, errdefs.ErrInvalidArgument)
	}
	p.Scratch = m.Source
	for _, o := range m.Options {
		switch {
		case strings.HasPrefix(o, parentLayers):
			if err := json.Unmarshal([]byte(o[len(parentLayers):]), &p.Parents); err != nil {
				return fmt.Errorf("rootfs option %s: %w: %w", parentLayers, err, errdefs.ErrInvalidArgument)
			}
		case o == "ro":
			return fmt.Errorf("rootfs: Windows has no read-only root file system: %w", errdefs.ErrInvalidArgument)
		case o != "rw":
			return fmt.Errorf("rootfs option %q is not known: %w", o, errdefs.ErrInvalidArgument)
		}
	}
	if len(p.Parents) == 0 {
		return fmt.Errorf("rootfs: no %s: %w", strings.TrimSuffix(parentLayers, "="), errdefs.ErrInvalidArgument)
	}
	return nil
}

func (p *Plan) addMount(where string, m specs.Mount) error {
	if m.Source == "" || m.Destination == "" {
		return fmt.Errorf("%s: source and destination must be given: %w", where, errdefs.ErrInvalidArgument)
	}
	from, isPipe := cutPrefixFold(m.Source, pipePrefix)
	to, toPipe := cutPrefixFold(m.Destination, pipePrefix)
	if isPipe != toPipe || isPipe && (from == "" || to == "") {
		return fmt.Errorf("%s: a pipe can only be mounted on a pipe, source %q, destination %q: %w", where, m.Source, m.Destination, errdefs.ErrInvalidArgument)
	}
	if isPipe {
		p.Pipes = append(p.Pipes, schema.MappedPipe{ContainerPipeName: to, HostPath: m.Source})
		return nil
	}
	if scheme, _, ok := strings.Cut(m.Source, "://"); ok {
		return fmt.Errorf("%s: source scheme %q is for utility VMs: %w", where, scheme, errdefs.ErrNotImplemented)
	}
	d := schema.MappedDirectory{HostPath: m.Source, ContainerPath: m.Destination}
	for _, o := range m.Options {
		if strings.EqualFold(o, "ro") {
			d.ReadOnly = true
		}
	}
	p.Directories = append(p.Directories, d)
	return nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// Held is what Attach acquired or found, as the document names it.
type Held struct {
	Volume      string // with a trailing backslash
	Layers      []schema.Layer
	Directories []schema.MappedDirectory // with host paths resolved
}

// Fill is the plan's part of the document.
func (p Plan) Fill(c *schema.Container, h Held) {
	c.Storage = &schema.Storage{Layers: h.Layers, Path: h.Volume}
	c.MappedDirectories = h.Directories
	c.MappedPipes = p.Pipes
}

// resolver resolves the links of a host path.
type resolver func(string) (string, error)

// resolveMounts returns the directories with their host paths resolved: HCS follows links of a mount's source wrongly.
func (p Plan) resolveMounts(ctx context.Context, resolve resolver) ([]schema.MappedDirectory, error) {
	var out []schema.MappedDirectory
	for _, d := range p.Directories {
		path, err := resolve(d.HostPath)
		if err != nil {
			return nil, fmt.Errorf("storage: mount %s on %s: %w", d.HostPath, d.ContainerPath, err)
		}
		d.HostPath = path
		out = append(out, d)
	}
	return out, ctx.Err()
}
