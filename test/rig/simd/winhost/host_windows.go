package winhost

import (
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
)

// Host is the launcher and the store of the service.
type Host struct {
	Store
	sampler
}

// New returns the host whose volumes are below root.
func New(root string) (*Host, error) {
	if err := os.MkdirAll(filepath.Join(root, "volumes"), 0o777); err != nil {
		return nil, fail("make volumes", root, err)
	}
	return &Host{Store: Store{root: root}}, nil
}

const pipePatience = 5 * time.Second

// OpenPipe opens the client end of a stream's pipe, for one process to inherit.
func (h *Host) OpenPipe(name string, write bool) (io.ReadWriteCloser, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, fail("open pipe", name, err)
	}
	access := uint32(windows.GENERIC_READ)
	if write {
		access = windows.GENERIC_WRITE
	}
	for start := time.Now(); ; {
		f, err := windows.CreateFile(path, access, 0, nil, windows.OPEN_EXISTING, 0, 0)
		if err == nil {
			return os.NewFile(uintptr(f), name), nil
		}
		if err != windows.ERROR_PIPE_BUSY || time.Since(start) > pipePatience {
			return nil, fail("open pipe", name, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
