package host

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
)

func TestMemoryStatusLayout(t *testing.T) {
	if n := unsafe.Sizeof(memoryStatus{}); n != 64 {
		t.Fatal(n)
	}
}

func TestFacts(t *testing.T) {
	f, err := New().Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exe, _ := os.Executable()
	if f.Build < 1000 || f.Processors < 1 || f.MemoryMB < 64 || f.Owner != filepath.Base(exe) {
		t.Fatalf("%+v", f)
	}
	t.Logf("%+v", f)
}

func TestPipe(t *testing.T) {
	h := New()
	const path = `\\.\pipe\hcs-host-test`
	if _, err := h.DialPipe(within(t, 10*time.Second), path); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	l, err := h.ListenPipe(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}()
	c, err := h.DialPipe(within(t, 10*time.Second), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, part := range []string{"a", "bc"} { // byte mode: two writes are one stream
		if _, err := c.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 3)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "abc" {
		t.Fatalf("%q, %v", b, err)
	}
}

func TestPipeHasOneListener(t *testing.T) {
	if onWine() {
		t.Skip("Wine's NtCreateNamedPipeFile makes another instance for FILE_CREATE")
	}
	const path = `\\.\pipe\hcs-host-test-first`
	l, err := New().ListenPipe(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if second, err := New().ListenPipe(path); !errdefs.IsPermissionDenied(err) {
		t.Fatal(second, err)
	}
}

// onWine names what cannot be shown there.
func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func TestResolvePath(t *testing.T) {
	h := New()
	if _, err := h.ResolvePath(filepath.Join(t.TempDir(), "none")); !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, err := h.ResolvePath(dir)
	var e *hcs.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	if err != nil || !strings.HasSuffix(strings.ToLower(p), strings.ToLower(filepath.Base(dir))) {
		t.Fatal(p, err)
	}
}

func TestSecureDirAccess(t *testing.T) {
	if onWine() {
		t.Skip("Wine stores Unix modes, not access lists")
	}
	for _, before := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "d")
		if before {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := SecureDir(dir); err != nil {
			t.Fatal(err)
		}
		sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			t.Fatal(err)
		}
		got := sd.String()
		t.Log(before, got)
		if strings.Contains(got, ";;;WD)") || strings.Contains(got, ";;;BU)") || !strings.Contains(got, ";;;SY)") || !strings.Contains(got, ";;;BA)") {
			t.Error(before, got)
		}
	}
}
