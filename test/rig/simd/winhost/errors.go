package winhost

import (
	"errors"
	"io/fs"

	"containerd-shim-hcs/hcs"
)

// codeFail is E_FAIL, for a failure that Windows has no code for.
const codeFail hcs.Code = 0x80004005

// fail is err as the answer of call op about id, with the HRESULT of the Windows error inside it.
func fail(op, id string, err error) error {
	var done *hcs.Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	return &hcs.Error{Op: op, ID: id, Code: codeOf(err), Message: err.Error()}
}

func codeOf(err error) hcs.Code {
	if c := hcs.CodeOf(err); c != 0 {
		return c
	}
	if c, ok := systemCode(err); ok {
		return c
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hcs.ErrPathNotFound
	case errors.Is(err, fs.ErrExist):
		return hcs.ErrAlreadyExists
	case errors.Is(err, fs.ErrPermission):
		return hcs.ErrAccessDenied
	}
	return codeFail
}
