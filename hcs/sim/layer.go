package sim

import (
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// layer is an attached layer directory. A directory that is not attached has no layer here.
type layer struct {
	path     string
	volume   string   // \\?\Volume{guid}, empty for a directory without sandbox.vhdx
	active   int      // activations; a second one counts (§6.1, inferred)
	prepared bool     // the filter is attached
	parents  []string // nearest first, while prepared
	user     *system  // the system whose root this is, until it has stopped
}

// rootOf is the layer behind a document's Storage: its Path is the volume of a prepared layer, with trailing backslash (§5.1). The
// codes, the rule that one volume serves one system, and the rule that Layers are those the layer was prepared with are assumed.
func (s *Service) rootOf(st *schema.Storage) (*layer, error) {
	volume, slash := strings.CutSuffix(st.Path, `\`)
	if !slash {
		return nil, refuse(hcs.ErrInvalidArgument, "Storage.Path %q does not end with a backslash", st.Path)
	}
	l := s.byVolume(volume)
	switch {
	case l == nil:
		return nil, refuse(hcs.ErrPathNotFound, "no volume %s", st.Path)
	case !l.prepared:
		return nil, refuse(hcs.ErrInvalidLayer, "layer %s is not prepared", l.path)
	case l.user != nil:
		return nil, refuse(hcs.ErrSharingViolation, "layer %s is in use by %s", l.path, l.user.id)
	case !slices.EqualFunc(l.parents, st.Layers, func(p string, d schema.Layer) bool { return pathKey(p) == pathKey(d.Path) }):
		return nil, refuse(hcs.ErrInvalidLayer, "Storage.Layers are not the parents of layer %s", l.path)
	}
	return l, nil
}

// byVolume is the active layer with this volume. The caller holds mu.
func (s *Service) byVolume(volume string) *layer {
	for _, l := range s.layers {
		if l.volume != "" && strings.EqualFold(l.volume, strings.TrimSuffix(volume, `\`)) {
			return l
		}
	}
	return nil
}

// turn waits until no other call works on the layer; the returned function ends the turn. That calls on one layer exclude each other is
// assumed. It shows when a client loses the service with a call under way, and undoes what that call still does.
func (s *Service) turn(path string) (end func()) {
	key := pathKey(path)
	s.mu.Lock()
	for s.turns[key] != nil {
		busy := s.turns[key]
		s.mu.Unlock()
		<-busy
		s.mu.Lock()
	}
	mine := make(chan struct{})
	s.turns[key] = mine
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.turns, key)
		close(mine)
	}
}

// onLayer runs a call on a layer directory that must exist. f runs without the lock.
func (c *Client) onLayer(op, path string, f func(s *Service, dir string) error) error {
	return c.do(op, path, func() error {
		defer c.svc.turn(path)()
		dir := hostPath(path)
		if !c.svc.store.Exists(dir) {
			return refuse(hcs.ErrPathNotFound, "no layer directory %s", path)
		}
		return f(c.svc, dir)
	})
}

func (s *Service) checkParents(parents []string) error {
	for _, p := range parents {
		if !s.store.Exists(hostPath(p)) {
			return refuse(hcs.ErrPathNotFound, "no parent layer %s", p)
		}
	}
	return nil
}

func hostPaths(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = hostPath(p)
	}
	return out
}

// CreateSandboxLayer makes sandbox.vhdx; it fails when there is one (§6.1; the code is assumed). Parents are nearest first.
func (c *Client) CreateSandboxLayer(path string, parents []string) error {
	return c.onLayer("CreateSandboxLayer", path, func(s *Service, dir string) error {
		if len(parents) == 0 {
			return refuse(hcs.ErrInvalidArgument, "a scratch needs parents")
		}
		if err := s.checkParents(parents); err != nil {
			return err
		}
		if s.store.HasScratch(dir) {
			return refuse(hcs.ErrFileExists, "%s has sandbox.vhdx", path)
		}
		return s.store.CreateScratch(dir, hostPaths(parents))
	})
}

// ActivateLayer attaches a layer: a scratch gets a volume.
func (c *Client) ActivateLayer(path string) error {
	return c.onLayer("ActivateLayer", path, func(s *Service, dir string) error {
		scratch := s.store.HasScratch(dir)
		s.mu.Lock()
		defer s.mu.Unlock()
		l := s.layers[pathKey(path)]
		if l == nil {
			l = &layer{path: dir}
			if scratch {
				l.volume = `\\?\Volume{` + s.newGUID("volume") + `}`
			}
			s.layers[pathKey(path)] = l
		}
		l.active++
		return nil
	})
}

// PrepareLayer merges an active layer with its parents. Without parents it does nothing, which is how a base layer is mounted (§6.2);
// a scratch needs them, and a second preparation is refused (both assumed).
func (c *Client) PrepareLayer(path string, parents []string) error {
	return c.onLayer("PrepareLayer", path, func(s *Service, dir string) error {
		if err := s.checkParents(parents); err != nil {
			return err
		}
		s.mu.Lock()
		l := s.layers[pathKey(path)]
		s.mu.Unlock()
		if l == nil {
			return refuse(hcs.ErrNotReady, "layer %s is not active", path)
		}
		return s.merge(l, parents)
	})
}

// merge attaches the filter to an active layer.
func (s *Service) merge(l *layer, parents []string) error {
	s.mu.Lock()
	var err error
	switch {
	case l.prepared:
		err = refuse(hcs.ErrAlreadyExists, "layer %s is prepared", l.path)
	case l.volume != "" && len(parents) == 0:
		err = refuse(hcs.ErrInvalidArgument, "scratch %s needs parents", l.path)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if l.volume != "" {
		if err := s.store.Merge(l.path, l.volume, hostPaths(parents)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.prepared, l.parents = true, hostPaths(parents)
	return nil
}

// UnprepareLayer takes the merged view away. Of a layer that is not prepared: ErrPathNotFound; of one in use by a system that has
// not stopped: ErrSharingViolation (both assumed).
func (c *Client) UnprepareLayer(path string) error {
	return c.do("UnprepareLayer", path, func() error {
		s := c.svc
		defer s.turn(path)()
		s.mu.Lock()
		l := s.layers[pathKey(path)]
		s.mu.Unlock()
		if l == nil {
			return refuse(hcs.ErrPathNotFound, "layer %s is not active", path)
		}
		return s.unmerge(l)
	})
}

// unmerge detaches the filter.
func (s *Service) unmerge(l *layer) error {
	s.mu.Lock()
	var err error
	switch {
	case !l.prepared:
		err = refuse(hcs.ErrPathNotFound, "layer %s is not prepared", l.path)
	case l.user != nil:
		err = refuse(hcs.ErrSharingViolation, "layer %s is in use by %s", l.path, l.user.id)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if l.volume != "" {
		if err := s.store.Unmerge(l.path, l.volume); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.prepared, l.parents = false, nil
	return nil
}

// DeactivateLayer undoes one activation. Of a layer that is not active: ErrPathNotFound, which clients take for "gone already"
// (§6.1); the last one of a prepared layer: ErrSharingViolation (assumed).
func (c *Client) DeactivateLayer(path string) error {
	return c.do("DeactivateLayer", path, func() error {
		s := c.svc
		defer s.turn(path)()
		s.mu.Lock()
		defer s.mu.Unlock()
		l := s.layers[pathKey(path)]
		switch {
		case l == nil:
			return refuse(hcs.ErrPathNotFound, "layer %s is not active", path)
		case l.active > 1:
			l.active--
			return nil
		case l.prepared:
			return refuse(hcs.ErrSharingViolation, "layer %s is still prepared", path)
		}
		delete(s.layers, pathKey(path))
		return nil
	})
}

// LayerMountPath is the volume of an active scratch, without trailing backslash, and the directory of another active layer (§6.1).
func (c *Client) LayerMountPath(path string) (volume string, err error) {
	err = c.do("GetLayerMountPath", path, func() error {
		s := c.svc
		s.mu.Lock()
		defer s.mu.Unlock()
		l := s.layers[pathKey(path)]
		if l == nil { // the code is assumed
			return refuse(hcs.ErrNotReady, "layer %s is not active", path)
		}
		volume = l.volume
		if volume == "" {
			volume = l.path
		}
		return nil
	})
	return volume, err
}

// NameToGUID is the id of a layer name.
func (c *Client) NameToGUID(name string) (id string, err error) {
	err = c.do("NameToGuid", name, func() error {
		id = NameToGUID(name)
		return nil
	})
	return id, err
}
