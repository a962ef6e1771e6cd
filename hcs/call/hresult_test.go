package call

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
)

func TestFromWin32(t *testing.T) {
	for in, want := range map[syscall.Errno]hcs.Code{
		0: OK, 2: hcs.ErrFileNotFound, 0x490: hcs.ErrElementNotFound, 0x80370110: hcs.ErrSystemAlreadyStopped, 0xC0370106: 0xC0370106,
	} {
		if got := FromWin32(in); got != want {
			t.Errorf("%#x: %#x, want %#x", uint32(in), uint32(got), uint32(want))
		}
	}
}

func TestErrorReadsTheDocument(t *testing.T) {
	const doc = `{"Error":-2147024894,"ErrorMessage":"The system cannot find the file specified. ","ErrorEvents":[{"Message":"Begin Operation: Error 80070002","Provider":"p","EventId":3,"Data":[{"Type":"a","Value":"b"}]}]}`
	err := Error("HcsCreateProcess", "c1", hcs.ErrFileNotFound, doc)
	var e *hcs.Error
	if !errors.As(err, &e) || !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	if e.Op != "HcsCreateProcess" || e.ID != "c1" || e.Message != "The system cannot find the file specified." {
		t.Fatalf("%+v", e)
	}
	if len(e.Events) != 1 || e.Events[0].EventID != 3 || e.Events[0].Data[0].Value != "b" {
		t.Fatalf("%+v", e.Events)
	}
}

func TestErrorKeepsOtherText(t *testing.T) {
	for doc, want := range map[string]string{
		"": "", " \r\n": "", "not json": "not json", `{"a":1}`: `{"a":1}`, `{"Error":"Element not found."}`: `{"Error":"Element not found."}`,
	} {
		var e *hcs.Error
		if !errors.As(Error("Op", "", hcs.ErrInvalidState, doc), &e) || e.Message != want {
			t.Errorf("%q: %+v", doc, e)
		}
	}
	for _, ok := range []hcs.Code{0, 1, 0x7fffffff} {
		if err := Error("Op", "", ok, "whatever"); err != nil {
			t.Error(uint32(ok), err)
		}
	}
}

func TestWrap(t *testing.T) {
	ready := &hcs.Error{Op: "X", Code: hcs.ErrNotReady}
	for _, c := range []struct {
		in   error
		want hcs.Code
	}{
		{fmt.Errorf("open: %w", syscall.Errno(0xB7)), hcs.ErrAlreadyExists},
		{syscall.Errno(0x803B002B), hcs.ErrHCNNamespaceExists},
		{fmt.Errorf("stat: %w", fs.ErrNotExist), hcs.ErrFileNotFound},
		{errors.New("odd"), eFail},
		{fmt.Errorf("again: %w", ready), hcs.ErrNotReady},
	} {
		if got := hcs.CodeOf(Wrap("Op", "id", c.in)); got != c.want {
			t.Errorf("%v: %#x", c.in, uint32(got))
		}
	}
	if Wrap("Op", "", nil) != nil {
		t.Error("nil became an error")
	}
}
