package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/Microsoft/go-winio"
	"github.com/Microsoft/go-winio/pkg/fs"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// New returns this host.
func New() hcs.Host { return host{} }

type host struct{}

// closeHandle closes what was opened for a question; there is nothing to do about a failure.
func closeHandle(h windows.Handle) { _ = windows.CloseHandle(h) }

// memoryStatus is MEMORYSTATUSEX.
type memoryStatus struct {
	Length, MemoryLoad                                    uint32
	TotalPhys, AvailPhys, TotalPageFile, AvailPageFile    uint64
	TotalVirtual, AvailVirtual, AvailExtendedVirtualBytes uint64
}

var (
	kernel32                         = windows.NewLazySystemDLL("kernel32.dll")
	procGlobalMemoryStatusEx         = kernel32.NewProc("GlobalMemoryStatusEx")
	procGetActiveProcessorGroupCount = kernel32.NewProc("GetActiveProcessorGroupCount")
)

func (host) Facts(context.Context) (hcs.Facts, error) {
	exe, err := os.Executable()
	if err != nil {
		return hcs.Facts{}, fmt.Errorf("host: executable: %w", err)
	}
	// RtlGetVersion, which does not depend on the executable's manifest as GetVersionEx does.
	f := hcs.Facts{Build: int(windows.RtlGetVersion().BuildNumber), Owner: filepath.Base(exe)}
	if f.Revision, err = revision(); err != nil {
		return hcs.Facts{}, err
	}
	groups, _, _ := procGetActiveProcessorGroupCount.Call()
	for g := range uint16(groups) {
		n := int(windows.GetActiveProcessorCount(g))
		f.Groups, f.Processors = append(f.Groups, n), f.Processors+n
	}
	if f.Processors == 0 {
		return hcs.Facts{}, &hcs.Error{Op: "GetActiveProcessorCount", Code: hcs.ErrInvalidData, Message: "no processors"}
	}
	var m memoryStatus
	m.Length = uint32(unsafe.Sizeof(m))
	if ok, _, err := procGlobalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&m))); ok == 0 {
		return hcs.Facts{}, call.Wrap("GlobalMemoryStatusEx", "", err)
	}
	f.MemoryMB = m.TotalPhys >> 20
	return f, nil
}

// revision is the UBR, which only the registry has; 0 where it has none.
func revision() (int, error) {
	const path = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
	if err != nil {
		return 0, call.Wrap("RegOpenKeyEx", path, err)
	}
	defer func() { _ = k.Close() }()
	v, _, err := k.GetIntegerValue("UBR")
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return 0, call.Wrap("RegQueryValueEx", path+`\UBR`, err)
	}
	return int(v), nil
}

func (host) DialPipe(ctx context.Context, path string) (net.Conn, error) {
	conn, err := winio.DialPipeContext(ctx, path)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil, errors.Is(err, winio.ErrTimeout):
		return nil, call.Timeout(ctx, "CreateFile", path, "the pipe stays busy")
	}
	return nil, call.Wrap("CreateFile", path, err)
}

func (host) ListenPipe(path string) (net.Listener, error) {
	l, err := winio.ListenPipe(path, &winio.PipeConfig{SecurityDescriptor: pipeSDDL, InputBufferSize: pipeBuffer, OutputBufferSize: pipeBuffer})
	if err != nil {
		return nil, call.Wrap("NtCreateNamedPipeFile", path, err)
	}
	return l, nil
}

// pipeBuffer holds a usual request or answer, in bytes.
const pipeBuffer = 4 << 10

func (host) ResolvePath(path string) (string, error) {
	p, err := fs.ResolvePath(path)
	return p, call.Wrap("GetFinalPathNameByHandle", path, err)
}
