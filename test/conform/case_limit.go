package main

import (
	"fmt"
	"runtime"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var limitCases = []Case{
	{Name: "limits/out-of-memory-once-before-the-exit", Run: oomEvent},
	{Name: "limits/two-kinds-of-processor-limit-change-nothing", Run: updateBoth},
	{Name: "limits/affinity-at-create-and-while-it-runs", Run: affinity},
}

func withMemory(mb uint64) edit {
	return func(s *specs.Spec) {
		limit := mb << 20
		s.Windows.Resources = &specs.WindowsResources{Memory: &specs.WindowsMemoryResources{Limit: &limit}}
	}
}

// oomEvent: the event is what CRI, moby and nerdctl know the reason from. One that fails under its limit has none.
func oomEvent(t *T) {
	ev := t.events()
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"over its limit":  {[]string{"print", "up", "--", "alloc", "300M", "60s"}, "create, start, oom, exit, delete"},
		"under its limit": {[]string{"print", "up", "--", "alloc", "8M", "1s", "--", "exit", "3"}, "create, start, exit, delete"},
	} {
		b := t.runWith(streams{}, app(c.args...), withMemory(128))
		o := b.finish()
		t.Want(o.code != 0, "%s: exit code 0, stderr %q", what, clip(o.err))
		b.remove()
		got := ev.story(b.id, strings.Count(c.want, ",")+1, nil)
		t.Want(got == c.want, "%s: events: %s; want: %s", what, got, c.want)
	}
}

// updateBoth: nothing is changed by an update of which a part cannot be.
func updateBoth(t *T) {
	b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), withMemory(128))
	b.says("up")
	memory, count, maximum := uint64(256<<20), uint64(1), uint16(5000)
	err := b.task.Update(t.Ctx, containerd.WithResources(&specs.WindowsResources{
		Memory: &specs.WindowsMemoryResources{Limit: &memory}, CPU: &specs.WindowsCPUResources{Count: &count, Maximum: &maximum},
	}))
	t.Want(err != nil, "a count and a maximum at once were accepted")
	h := t.held(b.id)
	t.Want(h.Memory != nil && h.Memory.SizeInMB == 128, "the machine holds %+v, want 128 MB", h.Memory)
	t.Want(h.Processor == nil || h.Processor.Count == 0 && h.Processor.Maximum == 0, "the machine holds %+v, want no limit", h.Processor)
	t.Want(errdefs.IsInvalidArgument(err) || errdefs.IsNotImplemented(err), "the refusal is %v", err)
}

// affinity: the processors that a container has are those that were asked for; the host has fewer than 64.
func affinity(t *T) {
	on := func(mask uint64) *specs.WindowsResources {
		return &specs.WindowsResources{CPU: &specs.WindowsCPUResources{Affinity: []specs.WindowsCPUGroupAffinity{{Mask: mask}}}}
	}
	b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), func(s *specs.Spec) { s.Windows.Resources = on(1) })
	b.says("up")
	has := func(mask uint64, when string) {
		h, err := t.machine.State()
		t.Must(err, "ask the simulator")
		got, want := fmt.Sprint(h.Affinity[b.id]), fmt.Sprintf("[{0 %d}]", mask)
		t.Want(got == want, "%s the machine holds processors %s, want %s", when, got, want)
	}
	has(1, "after the create")
	all := uint64(1)<<runtime.NumCPU() - 1
	t.Must(b.task.Update(t.Ctx, containerd.WithResources(on(all))), "update")
	has(all, "after the update")
	err := b.task.Update(t.Ctx, containerd.WithResources(on(1<<63)))
	t.Want(errdefs.IsInvalidArgument(err), "a processor that the host does not have: %v", err)
	has(all, "after the refusal")
}
