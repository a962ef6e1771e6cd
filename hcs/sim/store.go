package sim

import (
	"slices"
	"sync"

	"containerd-shim-hcs/hcs"
)

// Memory is a Store of directories that exist because someone said so. Its layers have no content.
type Memory struct {
	mu   sync.Mutex
	dirs map[string]*memoryDir // by pathKey
	// files are those that AddFile named.
	files map[string]struct{}
}

type memoryDir struct {
	scratch bool
	merged  string   // volume that shows it
	parents []string // of that view
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{dirs: map[string]*memoryDir{}, files: map[string]struct{}{}} }

// AddDir makes directories exist: read-only layers, or anything that is mounted.
func (m *Memory) AddDir(paths ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range paths {
		if m.dirs[pathKey(p)] == nil {
			m.dirs[pathKey(p)] = &memoryDir{}
		}
	}
}

// AddFile makes files exist, to be mounted.
func (m *Memory) AddFile(paths ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range paths {
		m.files[pathKey(p)] = struct{}{}
	}
}

// AddScratch makes a directory with sandbox.vhdx, as containerd's snapshotter prepares it.
func (m *Memory) AddScratch(path string) {
	m.AddDir(path)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirs[pathKey(path)].scratch = true
}

func (m *Memory) dir(path string) (*memoryDir, error) {
	d := m.dirs[pathKey(path)]
	if d == nil {
		return nil, refuse(hcs.ErrPathNotFound, "no directory %s", path)
	}
	return d, nil
}

func (m *Memory) Exists(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dirs[pathKey(path)] != nil
}

func (m *Memory) HasPath(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, file := m.files[pathKey(path)]
	return file || m.dirs[pathKey(path)] != nil
}

func (m *Memory) HasScratch(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[pathKey(path)]
	return d != nil && d.scratch
}

func (m *Memory) CreateScratch(path string, _ []string) error {
	return m.change(path, func(d *memoryDir) error {
		d.scratch = true
		return nil
	})
}

func (m *Memory) Merge(path, volume string, parents []string) error {
	return m.change(path, func(d *memoryDir) error {
		d.merged, d.parents = volume, slices.Clone(parents)
		return nil
	})
}

func (m *Memory) Unmerge(path, volume string) error {
	return m.change(path, func(d *memoryDir) error {
		if d.merged != volume {
			return refuse(hcs.ErrInvalidData, "%s is at %q, not at %s", path, d.merged, volume)
		}
		d.merged, d.parents = "", nil
		return nil
	})
}

// Import makes the layer exist; a layer in memory has no files.
func (m *Memory) Import(path, _ string, _ []string) error {
	return m.change(path, func(*memoryDir) error { return nil })
}

// Export is refused: there are no files to write.
func (m *Memory) Export(path, _ string, _ []string) error {
	return refuse(hcs.ErrNotImplemented, "layer %s is in memory and has no files", path)
}

func (m *Memory) ProcessBase(path string) error {
	return m.change(path, func(*memoryDir) error { return nil })
}

func (m *Memory) ProcessUtility(path string) error {
	return m.change(path, func(*memoryDir) error { return nil })
}

func (m *Memory) Destroy(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dirs, pathKey(path))
	return nil
}

func (m *Memory) change(path string, f func(*memoryDir) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.dir(path)
	if err != nil {
		return err
	}
	return f(d)
}
