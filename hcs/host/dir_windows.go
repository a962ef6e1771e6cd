package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Full access for SYSTEM and administrators, inherited by what is made inside; P: nothing is inherited from above.
const (
	dirSDDL  = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	pipeSDDL = "D:P(A;;GA;;;SY)(A;;GA;;;BA)"
)

// SecureDir makes a directory, with its parents, that only administrators and SYSTEM may open. One that is there is taken
// over if they own it: any other owner could give itself access again.
func SecureDir(path string) error {
	sd, err := windows.SecurityDescriptorFromString(dirSDDL)
	if err != nil {
		return fmt.Errorf("directory %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fmt.Errorf("directory %s: %w", path, err)
	}
	// The descriptor is there from the first moment.
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	err = windows.CreateDirectory(p, &sa)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		return takeOver(path, p, sd)
	}
	return fmt.Errorf("directory %s: %w", path, err)
}

func takeOver(path string, p *uint16, sd *windows.SECURITY_DESCRIPTOR) error {
	// Without following a link: whoever made the link chose its target.
	h, err := windows.CreateFile(p, windows.READ_CONTROL|windows.WRITE_DAC|windows.FILE_READ_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return fmt.Errorf("directory %s: open: %w", path, err)
	}
	defer closeHandle(h)
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return fmt.Errorf("directory %s: attributes: %w", path, err)
	}
	if info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY == 0 || info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		return fmt.Errorf("directory %s: is a link or no directory", path)
	}
	if err := ownedByUs(h); err != nil {
		return fmt.Errorf("directory %s: %w", path, err)
	}
	dacl, _, err := sd.DACL()
	if err == nil {
		err = windows.SetSecurityInfo(h, windows.SE_FILE_OBJECT,
			windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
	}
	if err != nil {
		return fmt.Errorf("directory %s: set access: %w", path, err)
	}
	return nil
}

// ownedByUs fails unless the owner is SYSTEM, the administrators or this process's own user.
func ownedByUs(h windows.Handle) error {
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	if owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return nil
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("own user: %w", err)
	}
	if !owner.Equals(user.User.Sid) {
		return fmt.Errorf("is owned by %s: %w", owner, os.ErrPermission)
	}
	return nil
}
