package script

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestGuard(t *testing.T) {
	c := &Test{}
	for _, x := range []struct {
		f    func()
		want string
	}{
		{func() {}, ""},
		{func() { c.Fail("no %d", 7) }, "no 7"},
		{func() { c.Must(errors.New("gone"), "do %s", "it") }, "do it: gone"},
		{func() { c.Refused(nil, errdefs.IsNotFound, "not found", "ask") }, "ask: no error, want not found"},
		{func() { c.Refused(errors.New("x"), errdefs.IsNotFound, "not found", "ask") }, "ask: want not found, got: x"},
		{func() { c.Refused(errdefs.ErrNotFound, errdefs.IsNotFound, "not found", "ask") }, ""},
		{func() { c.Each(3, func(i int) { c.Want(i != 1, "bad %d", i) }) }, "1 of 3: bad 1"},
	} {
		if got := Guard(x.f); got != x.want {
			t.Errorf("got %q, want %q", got, x.want)
		}
	}
	if got := Guard(func() { panic("x") }); !strings.HasPrefix(got, "panic: x") {
		t.Errorf("a panic is told as %q", got)
	}
}
