//go:build !windows

package winhost

import (
	"io/fs"
	"os"

	"containerd-shim-hcs/hcs"
)

// systemCode knows no errors of Windows here.
func systemCode(error) (hcs.Code, bool) { return 0, false }

// attributes are what a Unix mode says of them: directory, archive, read-only.
func attributes(info fs.FileInfo) uint32 {
	attr := uint32(attrArchive)
	if info.IsDir() {
		attr = attrDirectory
	}
	if info.Mode()&0o200 == 0 {
		attr |= attrReadOnly
	}
	return attr
}

func setAttributes(path string, attr uint32) error {
	mode := fs.FileMode(0o644)
	if attr&attrDirectory != 0 {
		mode = 0o755
	}
	if attr&attrReadOnly != 0 {
		mode &^= 0o222
	}
	return os.Chmod(path, mode)
}
