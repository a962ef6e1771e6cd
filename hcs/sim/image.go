package sim

import "containerd-shim-hcs/hcs"

// The calls of vmcompute that make and remove layers on disk; the Store does the work. They are used by containerd's snapshotter and
// differ, not by a shim.

// LayerExists reports whether the directory is there.
func (c *Client) LayerExists(path string) (exists bool, err error) {
	err = c.do("LayerExists", path, func() error {
		exists = c.svc.store.Exists(hostPath(path))
		return nil
	})
	return exists, err
}

// DestroyLayer removes a layer directory. One that is active, or the parent of a prepared layer, is in use (assumed).
func (c *Client) DestroyLayer(path string) error {
	return c.onLayer("DestroyLayer", path, func(s *Service, dir string) error {
		if by := s.usedBy(path); by != "" {
			return refuse(hcs.ErrSharingViolation, "layer %s is in use by %s", path, by)
		}
		return s.store.Destroy(dir)
	})
}

// usedBy names the attached layer that needs the directory.
func (s *Service) usedBy(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.layers[pathKey(path)]; l != nil {
		return l.path
	}
	for _, l := range s.layers {
		for _, p := range l.parents {
			if pathKey(p) == pathKey(path) {
				return l.path
			}
		}
	}
	return ""
}

// ImportLayer fills a layer from a transport folder.
func (c *Client) ImportLayer(path, from string, parents []string) error {
	return c.onLayer("ImportLayer", path, func(s *Service, dir string) error {
		if err := s.checkParents(parents); err != nil {
			return err
		}
		return s.store.Import(dir, hostPath(from), hostPaths(parents))
	})
}

// ExportLayer writes a layer to a transport folder. A scratch must be active and must not be prepared: the filter hides its own
// files (the order is containerd's, §6.2; the refusal is assumed).
func (c *Client) ExportLayer(path, to string, parents []string) error {
	return c.onLayer("ExportLayer", path, func(s *Service, dir string) error {
		if err := s.checkParents(parents); err != nil {
			return err
		}
		if s.store.HasScratch(dir) {
			s.mu.Lock()
			l := s.layers[pathKey(path)]
			s.mu.Unlock()
			if l == nil || l.prepared {
				return refuse(hcs.ErrNotReady, "layer %s must be active and not prepared", path)
			}
		}
		return s.store.Export(dir, hostPath(to), hostPaths(parents))
	})
}

// ProcessBaseImage completes an unpacked base layer: blank.vhdx, hives, layout.
func (c *Client) ProcessBaseImage(path string) error {
	return c.onLayer("ProcessBaseImage", path, func(s *Service, dir string) error { return s.store.ProcessBase(dir) })
}

// ProcessUtilityImage completes the utility VM of a base layer.
func (c *Client) ProcessUtilityImage(path string) error {
	return c.onLayer("ProcessUtilityImage", path, func(s *Service, dir string) error { return s.store.ProcessUtility(dir) })
}

// ExpandSandboxSize accepts a larger size of a scratch that is not attached. The model has no disk that could be full.
func (c *Client) ExpandSandboxSize(path string, bytes uint64) error {
	return c.onLayer("ExpandSandboxSize", path, func(s *Service, dir string) error {
		switch {
		case bytes == 0:
			return refuse(hcs.ErrInvalidArgument, "size 0")
		case !s.store.HasScratch(dir):
			return refuse(hcs.ErrFileNotFound, "%s has no sandbox.vhdx", path)
		}
		return nil
	})
}

// BaseImages is empty: base images are those of the old image store, which nothing installs (§6.1 gives no shape for an entry).
func (c *Client) BaseImages() (doc string, err error) {
	err = c.do("GetBaseImages", "", func() error {
		doc = `{"Images":[]}`
		return nil
	})
	return doc, err
}

// Refused answers a call that exists in the DLL and that the model does not have: ErrNotImplemented, with the reason.
func (c *Client) Refused(op, id, why string) error {
	return c.do(op, id, func() error { return refuse(hcs.ErrNotImplemented, "%s", why) })
}
