//go:build linux

package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var limitCases = []Case{
	script.Short("limit/memory-is-in-force", 0, limitMemory),
	script.Short("limit/processors", 0, limitProcessors),
	script.Short("isolation/process", 0, isolationProcess),
	script.Long("isolation/hyper-v-is-refused", 0, isolationHyperV),
	script.Short("runtime/chosen-per-container", 0, runtimeChosen),
	script.Long("runtime/unknown", 0, runtimeUnknown),
}

func limitMemory(t *T) {
	limit := func(s *spec) { s.Memory = 128 << 20 }
	t.run(with("alloc", "32M", "1ms"), limit).endsWith(0)
	b := t.run(with("alloc", "256M", "10s"), limit)
	code := b.ended()
	t.Want(code != 0, "twice the limit was given")
	t.Want(b.inspect().State.Status == container.StateExited, "it is %s", b.inspect().State.Status)
}

func limitProcessors(t *T) {
	for what, c := range map[string]struct {
		set  func(*spec)
		want string // count, weight, maximum
	}{
		"--cpus 1":         {func(s *spec) { s.NanoCPUs = 1e9 }, fmt.Sprintf("0 0 %d", 10000/runtime.NumCPU())},
		"--cpu-count 1":    {func(s *spec) { s.CPUCount = 1 }, "1 0 0"},
		"--cpu-shares 500": {func(s *spec) { s.CPUShares = 500 }, "0 500 0"},
		"--cpu-percent 25": {func(s *spec) { s.CPUPercent = 25 }, "0 0 2500"},
	} {
		b := t.idle(c.set)
		p := t.holdings().Containers[b.id].Processor
		t.Want(p != nil, "%s: the machine was told nothing", what)
		got := fmt.Sprint(p.Count, p.Weight, p.Maximum)
		t.Want(got == c.want, "%s: the machine was told %s, want %s (count, weight, maximum)", what, got, c.want)
	}
}

func isolationProcess(t *T) {
	b := t.idle(func(s *spec) { s.Isolation = container.IsolationProcess })
	t.Want(b.inspect().HostConfig.Isolation == container.IsolationProcess, "it is %q", b.inspect().HostConfig.Isolation)
	t.Want(len(t.holdings().Systems) > len(t.before.Systems), "the machine has no system of it")
}

func isolationHyperV(t *T) {
	b, err := t.tryCreate(with("exit", "0"), func(s *spec) { s.Isolation = container.IsolationHyperV })
	if err == nil {
		_, err = t.engine.ContainerStart(t.Ctx, b.id, client.ContainerStartOptions{})
	}
	// A shim that can looks for the image's utility VM, and there is none.
	refused := err != nil && (strings.Contains(strings.ToLower(err.Error()), "hyper") || strings.Contains(err.Error(), "utility VM"))
	t.Want(refused, "a Hyper-V container: %v", err)
	t.idle()
}

// runtimeChosen: two runtimes beside each other in one engine; each container has that which it asked for.
func runtimeChosen(t *T) {
	exes := map[string]string{"io.containerd.hcs.v1": "containerd-shim-hcs-v1.exe", "io.containerd.runhcs.v1": "containerd-shim-runhcs-v1.exe"}
	before := map[string]int{}
	count := func(exe string) int {
		list, err := t.rig.Programs(exe)
		t.Must(err, "look for shims")
		return len(list)
	}
	for _, exe := range exes {
		before[exe] = count(exe)
	}
	for name, exe := range exes {
		b := t.idle(func(s *spec) {
			if name != t.o.runtime && t.o.runtime != controlRuntime {
				s.Runtime = name
			}
		})
		t.Want(b.inspect().HostConfig.Runtime == name, "it has runtime %q, want %q", b.inspect().HostConfig.Runtime, name)
		ok := t.Until(textBound, func() bool { return count(exe) == before[exe]+1 })
		t.Want(ok, "%s: %d shims, want %d", name, count(exe), before[exe]+1)
		b.exec("print", name).gives(t, name+"\n", "", 0)
	}
}

// controlRuntime is no shim: what works with it is not tested.
const controlRuntime = "io.containerd.control.v1"

func runtimeUnknown(t *T) {
	b, err := t.tryCreate(with("exit", "0"), func(s *spec) { s.Runtime = "io.containerd.no-such.v1" })
	if err == nil {
		_, err = t.engine.ContainerStart(t.Ctx, b.id, client.ContainerStartOptions{})
	}
	t.Want(err != nil && strings.Contains(err.Error(), "no-such"), "a runtime that is not there: %v", err)
	t.idle()
}
