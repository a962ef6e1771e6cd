package call

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// facility is the part of an HRESULT that says "the rest is a Win32 error".
const facility = 0x80070000

// OK is S_OK.
const OK hcs.Code = 0

// Failed reports whether an HRESULT is a failure: the sign bit is set.
func Failed(c hcs.Code) bool { return int32(c) < 0 }

// FromWin32 is HRESULT_FROM_WIN32: a Win32 error becomes an HRESULT, and a value that is one already (hcsshim reduces those of
// facility 7 to the Win32 error and keeps the others) stays as it is.
func FromWin32(e syscall.Errno) hcs.Code {
	switch {
	case e == 0:
		return OK
	case e <= 0xFFFF:
		return facility | hcs.Code(e)
	}
	return hcs.Code(e)
}

// Error is the error of a call: nil when the HRESULT is a success. Document is the ResultError that HCS gives beside it, often
// empty; text that is no such document is kept as the message.
func Error(op, id string, code hcs.Code, document string) error {
	if !Failed(code) {
		return nil
	}
	e := &hcs.Error{Op: op, ID: id, Code: code}
	e.Message, e.Events = parse(document)
	return e
}

func parse(document string) (string, []schema.ErrorEvent) {
	document = strings.TrimRight(document, "\x00 \r\n")
	if document == "" {
		return "", nil
	}
	var r schema.ResultError
	if err := json.Unmarshal([]byte(document), &r); err != nil || (r.Error == 0 && r.ErrorMessage == "" && len(r.ErrorEvents) == 0) {
		return document, nil
	}
	return strings.TrimSpace(r.ErrorMessage), r.ErrorEvents
}

// Wrap turns the error of a Go function over the Win32 API into an *hcs.Error; nil stays nil, an *hcs.Error stays what it is. An
// error without a Win32 code gets E_FAIL and keeps its text.
func Wrap(op, id string, err error) error {
	if err == nil {
		return nil
	}
	var done *hcs.Error
	if errors.As(err, &done) {
		return err
	}
	e := &hcs.Error{Op: op, ID: id, Code: eFail, Message: err.Error()}
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		e.Code = FromWin32(errno)
	case errors.Is(err, fs.ErrNotExist):
		e.Code = hcs.ErrFileNotFound
	case errors.Is(err, fs.ErrExist):
		e.Code = hcs.ErrFileExists
	case errors.Is(err, fs.ErrPermission):
		e.Code = hcs.ErrAccessDenied
	}
	return e
}

const eFail hcs.Code = 0x80004005
