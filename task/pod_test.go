package task

import (
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/annotation"
)

// TestJoin: what a container and its pod's sandbox must agree on. Every refusal names the annotation.
func TestJoin(t *testing.T) {
	const space = "d2348bfa-8458-48a8-bb99-0a7000c73db3"
	pod := Place{Sandbox: "pod", Isolation: "process isolation", Namespace: space}
	with := func(change func(*Place)) Place {
		p := pod
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		sandbox Place
		state   State
		member  Place
		is      func(error) bool
		names   string
	}{
		"fits":                  {pod, Running, pod, nil, ""},
		"another spelling":      {pod, Running, with(func(p *Place) { p.Namespace = strings.ToUpper(space) }), nil, ""},
		"on its own":            {pod, Stopped, Place{}, nil, ""},
		"host network":          {with(func(p *Place) { p.Namespace = "" }), Running, with(func(p *Place) { p.Namespace = "" }), nil, ""},
		"no sandbox":            {Place{}, Running, with(func(p *Place) { p.Sandbox = "other" }), errdefs.IsFailedPrecondition, `="other"`},
		"not a sandbox":         {Place{}, Running, pod, errdefs.IsFailedPrecondition, "no such sandbox"},
		"member of a member":    {Place{Sandbox: "other"}, Running, pod, errdefs.IsFailedPrecondition, "no such sandbox"},
		"sandbox being made":    {pod, Creating, pod, errdefs.IsFailedPrecondition, "creating"},
		"sandbox not started":   {pod, Created, pod, errdefs.IsFailedPrecondition, "created"},
		"sandbox ending":        {pod, Exited, pod, errdefs.IsFailedPrecondition, "exited"},
		"sandbox ended":         {pod, Stopped, pod, errdefs.IsFailedPrecondition, "stopped"},
		"sandbox being deleted": {pod, Deleting, pod, errdefs.IsFailedPrecondition, "deleting"},
		"another isolation":     {pod, Running, with(func(p *Place) { p.Isolation = "HostProcess containers" }), errdefs.IsInvalidArgument, "HostProcess containers"},
		"another network":       {pod, Running, with(func(p *Place) { p.Namespace = "11111111" + space[8:] }), errdefs.IsInvalidArgument, "windows.network.networkNamespace"},
		"no network":            {pod, Running, with(func(p *Place) { p.Namespace = "" }), errdefs.IsInvalidArgument, "windows.network.networkNamespace"},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMachine()
			m.tasks["pod"] = &container{place: c.sandbox, init: &process{key: Key{Task: "pod"}, state: c.state, drained: c.state == Exited, stopWait: true}}
			var err error
			for _, f := range m.Step(time.Unix(1, 0), AskCreate{Call: 1, ID: "app", Place: c.member}) {
				if r, ok := f.(Reply); ok {
					err = r.Err
				}
			}
			if c.is == nil {
				if err != nil || m.tasks["app"] == nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !c.is(err) || !strings.Contains(err.Error(), c.names) || !strings.Contains(err.Error(), annotation.CRISandboxID) || m.tasks["app"] != nil {
				t.Errorf("%v does not name %s, or is of another kind", err, c.names)
			}
		})
	}
}
