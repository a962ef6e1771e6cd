package winhost

import (
	"errors"
	"io/fs"
	"syscall"

	"containerd-shim-hcs/hcs"
)

// systemCode is the HRESULT of a Win32 error. Go's own errno values, from 1<<29 on, are not Windows'.
func systemCode(err error) (hcs.Code, bool) {
	var no syscall.Errno
	if errors.As(err, &no) && no > 0 && no < 1<<16 {
		return hcs.Code(0x80070000 | uint32(no)), true
	}
	return 0, false
}

// keptAttributes are those that SetFileAttributes sets: read-only, hidden, system, archive, temporary, offline, not indexed.
const keptAttributes = 0x1 | 0x2 | 0x4 | 0x20 | 0x100 | 0x1000 | 0x2000

func attributes(info fs.FileInfo) uint32 {
	return info.Sys().(*syscall.Win32FileAttributeData).FileAttributes
}

func setAttributes(path string, attr uint32) error {
	p, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	if attr &= keptAttributes; attr == 0 {
		attr = syscall.FILE_ATTRIBUTE_NORMAL
	}
	if err := syscall.SetFileAttributes(p, attr); err != nil {
		return &fs.PathError{Op: "SetFileAttributes", Path: path, Err: err}
	}
	return nil
}
