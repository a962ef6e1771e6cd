package main

import (
	"slices"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var networkCases = []Case{
	{Name: "network/namespace-made-and-given-back", Run: ownNamespace},
	{Name: "network/given-back-when-the-start-fails", Run: namespaceAfterFailure},
	{Name: "network/none-asked-runs", Run: noNetwork},
	{Name: "network/unknown-namespace-refused", Run: unknownNamespace},
	{Name: "network/connect-while-it-runs", Run: connectRunning},
}

// ownNamespace: a spec that has a network and names no namespace gets one, for as long as the task is there.
func ownNamespace(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	b := t.host()
	now, err := t.machine.State()
	t.Must(err, "ask the simulator")
	t.Want(len(now.Namespaces) == len(before.Namespaces)+1, "%d more namespaces while it runs, want 1", len(now.Namespaces)-len(before.Namespaces))
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	b.remove()
	now, err = t.machine.State()
	t.Must(err, "ask the simulator")
	t.Want(len(now.Namespaces) == len(before.Namespaces), "%d more namespaces after delete", len(now.Namespaces)-len(before.Namespaces))
}

func namespaceAfterFailure(t *T) {
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	startRefused(t, "program", []string{`C:\no\such\program.exe`})
	t.Clean()
	left := t.machine.Settle(before, streamBound)
	t.Want(left == "", "%s", left)
}

func noNetwork(t *T) {
	b := t.runWith(streams{}, app("print", "alone", "--", "exit", "2"), func(s *specs.Spec) { s.Windows.Network = nil })
	b.expect(2, "alone", "")
	b.remove()
}

// unknownNamespace: a namespace that does not exist is not replaced by another.
func unknownNamespace(t *T) {
	b := t.container(app("print", "x"), func(s *specs.Spec) {
		s.Windows.Network = &specs.WindowsNetwork{NetworkNamespace: "5f9b1f0e-0000-4000-8000-00000000c0de"}
	})
	err := b.tryCreate(streams{})
	if err == nil {
		b.watch()
		err = b.p.Start(t.Ctx)
	}
	t.Want(err != nil, "the task runs in a namespace that does not exist")
	good := t.run("print", "works", "--", "exit", "2")
	good.expect(2, "works", "")
}

// connectRunning: what Docker's "network connect" and "disconnect" come to, for a container that was given endpoints.
func connectRunning(t *T) {
	var ids []string
	for _, name := range []string{"first", "second"} {
		id, err := t.machine.AddEndpoint(name)
		t.Must(err, "make an endpoint")
		defer func() { t.Must(t.machine.DeleteEndpoint(id), "remove the endpoint") }()
		ids = append(ids, id)
	}
	first, second := ids[0], ids[1]
	b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), func(s *specs.Spec) {
		s.Windows.Network = &specs.WindowsNetwork{EndpointList: []string{first}}
	})
	b.says("up")
	for _, want := range [][]string{{first, second}, {second}, {second, first}, {}, {first}} {
		err := b.task.Update(t.Ctx, containerd.WithAnnotations(map[string]string{"io.containerd.hcs.network.endpoints": strings.Join(want, ",")}))
		t.Must(err, "update")
		h, err := t.machine.State()
		t.Must(err, "ask the simulator")
		var got []string
		for _, list := range h.Attached {
			got = append(got, list...)
		}
		slices.Sort(got)
		slices.Sort(want)
		t.Want(slices.Equal(got, want), "endpoints of the namespace: %v, want %v", got, want)
	}
	t.Must(b.p.Kill(t.Ctx, sigkill), "kill")
	b.exited()
	b.remove()
}
