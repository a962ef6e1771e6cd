package hcs

import (
	"strings"
	"testing"
)

func TestStatusNames(t *testing.T) {
	for code, want := range map[uint32]string{
		0xC0000005: "STATUS_ACCESS_VIOLATION", 0xC000013A: "STATUS_CONTROL_C_EXIT", 0xC0000142: "STATUS_DLL_INIT_FAILED",
		0xC00000FD: "STATUS_STACK_OVERFLOW", 0xC0000135: "STATUS_DLL_NOT_FOUND", 0xC0000409: "STATUS_STACK_BUFFER_OVERRUN",
		0: "", 1: "", 137: "", 255: "", 0xFFFFFFFF: "",
	} {
		if got := StatusName(code); got != want {
			t.Errorf("%#x is %q, want %q", code, got, want)
		}
	}
	seen := map[string]uint32{}
	for code, name := range statusNames {
		if other, twice := seen[name]; twice || name == "" || strings.ToUpper(name) != name {
			t.Errorf("%#x: name %q, also of %#x", code, name, other)
		}
		seen[name] = code
	}
}
