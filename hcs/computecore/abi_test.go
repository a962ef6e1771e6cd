package computecore

import (
	"testing"
	"unsafe"
)

func TestLayout(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Fatal("this binding is for 64-bit Windows; the layout was not checked on this platform")
	}
	var p processInformation
	var e hcsEvent
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"HCS_PROCESS_INFORMATION", unsafe.Sizeof(p), 32},
		{"ProcessId", unsafe.Offsetof(p.ProcessID), 0},
		{"StdInput", unsafe.Offsetof(p.StdInput), 8},
		{"StdOutput", unsafe.Offsetof(p.StdOutput), 16},
		{"StdError", unsafe.Offsetof(p.StdError), 24},
		{"HCS_EVENT", unsafe.Sizeof(e), 24},
		{"Type", unsafe.Offsetof(e.Type), 0},
		{"EventData", unsafe.Offsetof(e.EventData), 8},
		{"Operation", unsafe.Offsetof(e.Operation), 16},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}
