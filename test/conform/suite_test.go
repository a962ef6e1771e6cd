package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestGuard(t *testing.T) {
	c := &T{}
	for _, x := range []struct {
		f    func()
		want string
	}{
		{func() {}, ""},
		{func() { c.fail("no %d", 7) }, "no 7"},
		{func() { c.must(errors.New("gone"), "do %s", "it") }, "do it: gone"},
		{func() { c.refused(nil, errdefs.IsNotFound, "not found", "ask") }, "ask: no error, want not found"},
		{func() { c.refused(errors.New("x"), errdefs.IsNotFound, "not found", "ask") }, "ask: want not found, got: x"},
		{func() { c.refused(errdefs.ErrNotFound, errdefs.IsNotFound, "not found", "ask") }, ""},
		{func() { c.each(3, func(i int) { c.want(i != 1, "bad %d", i) }) }, "1 of 3: bad 1"},
	} {
		if got := guard(x.f); got != x.want {
			t.Errorf("got %q, want %q", got, x.want)
		}
	}
	if got := guard(func() { panic("x") }); !strings.HasPrefix(got, "panic: x") {
		t.Errorf("a panic is told as %q", got)
	}
}

func TestState(t *testing.T) {
	const text = `{"systems":[{"id":"a","container":{"Memory":{"SizeInMB":64}}}],"processes":[{"system":"a","ProcessId":5,"ImageName":"x.exe"}],
		"layers":[{"path":"C:\\l"}],"namespaces":[{"id":"n","by":"shim"},{"id":"host"}],"endpoints":[],"mappings":[],"clients":[{}]}`
	h, err := parseState([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.minus(holdings{}); got != `layer C:\l, namespace n, process 5 x.exe of a, system a` {
		t.Errorf("holds %q", got)
	}
	if h.containers["a"].Memory.SizeInMB != 64 {
		t.Errorf("container %+v", h.containers["a"])
	}
	if got := h.minus(h); got != "" {
		t.Errorf("minus itself: %q", got)
	}
	for _, bad := range []string{`[]`, `{}`, `{"systems":[],"processes":[],"layers":[],"namespaces":[],"endpoints":[]}`} {
		if _, err := parseState([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
