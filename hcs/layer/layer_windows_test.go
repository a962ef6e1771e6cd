package layer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/Microsoft/hcsshim"
	"github.com/containerd/errdefs"
	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
)

func TestWrapFindsTheCode(t *testing.T) {
	for _, c := range []struct {
		in   error
		want hcs.Code
	}{
		{&hcsshim.HcsError{Err: windows.ERROR_NOT_READY}, hcs.ErrNotReady},
		{&hcsshim.HcsError{Err: windows.Errno(0x80370112)}, hcs.ErrInvalidLayer},
		{&windows.DLLError{Err: windows.ERROR_PROC_NOT_FOUND}, 0x8007007F},
		{&hcs.Error{Code: hcs.ErrFileExists}, hcs.ErrFileExists},
	} {
		if got := hcs.CodeOf(wrap("PrepareLayer", `C:\s`, c.in)); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.in, uint32(got), uint32(c.want))
		}
	}
	if wrap("x", "y", nil) != nil {
		t.Error("nil became an error")
	}
}

func TestKey(t *testing.T) {
	for _, p := range []string{`C:\A\b`, `c:/a/b/`, `\\?\C:\a\B`, `c:\a\.\b\`} {
		if key(p) != `c:\a\b` {
			t.Errorf("%s: %s", p, key(p))
		}
	}
}

func TestScratchOnce(t *testing.T) {
	l, dir := New(), t.TempDir()
	if has, err := l.HasScratch(dir); has || err != nil {
		t.Fatal(has, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sandbox.vhdx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if has, err := l.HasScratch(dir); !has || err != nil {
		t.Fatal(has, err)
	}
	err := l.CreateScratch(t.Context(), dir, nil)
	var e *hcs.Error
	if !errdefs.IsAlreadyExists(err) || !errors.As(err, &e) || e.ID != dir {
		t.Fatal(err)
	}
}
