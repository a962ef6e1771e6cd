//go:build linux

package main

import (
	"context"
	"strings"
	"time"

	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var classCases = []Case{
	script.Short("class/two-shims-on-one-node", 90*time.Second, classTwo),
	script.Long("class/unknown-is-refused", time.Minute, classUnknown),
	script.Long("class/handler-that-containerd-has-not", time.Minute, classNoHandler),
}

// newShims are the shims of a class that did not run before.
func (t *T) newShims(class string, before []int) []int {
	now, err := t.rig.Programs(shimExe(class))
	t.Must(err, "look for shims")
	var out []int
	for _, pid := range now {
		old := false
		for _, b := range before {
			old = old || b == pid
		}
		if !old {
			out = append(out, pid)
		}
	}
	return out
}

// classTwo: the runtime class decides whose shim runs a pod; both do it on one node at the same time.
func classTwo(t *T) {
	other := "runhcs"
	if t.o.class == other {
		other = "hcs"
	}
	before := map[string][]int{}
	for _, class := range []string{t.o.class, other} {
		list, err := t.rig.Programs(shimExe(class))
		t.Must(err, "look for shims")
		before[class] = list
	}
	spec := t.spec(t.host("main"))
	foreign := t.spec(t.host("main"))
	foreign.RuntimeClassName = &other
	a, b := t.ready(spec), t.ready(foreign)
	for _, p := range []*Pod{a, b} {
		p.exec("main", nil, words("print", "both", "--", "exit", "4")...).gives(t, "both\n", "", 4)
	}
	for _, class := range []string{t.o.class, other} {
		t.Want(len(t.newShims(class, before[class])) > 0, "no %s was started", shimExe(class))
	}
	b.delete(-1)
	a.exec("main", nil, words("print", "still here")...).gives(t, "still here\n", "", 0)
}

func classUnknown(t *T) {
	s := t.spec(t.host("main"))
	s.RuntimeClassName = ptr("none-such")
	_, err := t.tryPod(s)
	t.Want(err != nil && strings.Contains(err.Error(), "none-such"), "a pod of a runtime class that is not there: %v", err)
	t.works()
}

func classNoHandler(t *T) {
	name := t.namespace()
	class := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Handler: "none-such"}
	_, err := t.api.NodeV1().RuntimeClasses().Create(t.Ctx, class, metav1.CreateOptions{})
	t.Must(err, "make a runtime class")
	t.Later(func(ctx context.Context) error {
		return t.api.NodeV1().RuntimeClasses().Delete(ctx, name, metav1.DeleteOptions{})
	})
	s := t.spec(t.host("main"))
	s.RuntimeClassName = &name
	p := t.pod(s)
	p.event("FailedCreatePodSandBox", "none-such")
	p.delete(0)
	t.works()
}
