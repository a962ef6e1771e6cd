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

// New returns the host whose volumes are below root. Volumes of a service that was ended without unmerging them go, and with them
// what was written since they were merged: no layer is active any more that they would belong to.
func New(root string) (*Host, error) {
	volumes := filepath.Join(root, "volumes")
	if err := os.RemoveAll(volumes); err != nil {
		return nil, fail("remove old volumes", root, err)
	}
	if err := os.MkdirAll(volumes, 0o777); err != nil {
		return nil, fail("make volumes", root, err)
	}
	return &Host{Store: Store{root: root}}, nil
}

const pipePatience = 5 * time.Second

// OpenPipe opens the client end of a stream's pipe, as an *os.File for one Launch: to be inherited when the process writes to it, to
// be relayed when it reads, and then overlapped so that the relay can be stopped.
func (h *Host) OpenPipe(name string, write bool) (io.ReadWriteCloser, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, fail("open pipe", name, err)
	}
	access, flags := uint32(windows.GENERIC_READ), uint32(windows.FILE_FLAG_OVERLAPPED)
	if write {
		access, flags = windows.GENERIC_WRITE, 0
	}
	for start := time.Now(); ; {
		f, err := windows.CreateFile(path, access, 0, nil, windows.OPEN_EXISTING, flags, 0)
		if err == nil {
			return os.NewFile(uintptr(f), name), nil
		}
		if err != windows.ERROR_PIPE_BUSY || time.Since(start) > pipePatience {
			return nil, fail("open pipe", name, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
