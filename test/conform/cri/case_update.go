package main

import (
	"slices"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var updateCases = []Case{
	{Name: "update/memory-of-a-running-container", Run: updateMemory},
	{Name: "update/processor-of-a-running-container", Run: updateProcessor},
	{Name: "update/impossible-refused-and-nothing-changed", Run: updateImpossible},
	{Name: "update/created-container-starts-with-it", Run: updateCreated},
}

func (c *Container) update(r *runtime.WindowsContainerResources) error {
	_, err := c.t.cri.UpdateContainerResources(c.t.Ctx, &runtime.UpdateContainerResourcesRequest{ContainerId: c.id, Windows: r})
	return err
}

// limited runs a container with 128 MB and a quarter of the processors.
func (p *Pod) limited() *Container {
	c := p.runWith(app("print", "up", "--", "sleep", "300s"), limits(&runtime.WindowsContainerResources{MemoryLimitInBytes: 128 << 20, CpuMaximum: 2500}))
	c.says("up\n")
	c.hasLimits(128, 0, 0, 2500)
	return c
}

// hasLimits fails unless the machine has these, and CRI tells the same.
func (c *Container) hasLimits(memory, count, weight, maximum uint64) {
	t := c.t
	got, want := t.limits(c), []uint64{memory, count, weight, maximum}
	t.Want(slices.Equal(got, want), "the machine has %v, want %v (memory, count, weight, maximum)", got, want)
	r := c.status().GetResources().GetWindows()
	told := []uint64{uint64(r.GetMemoryLimitInBytes()) >> 20, uint64(r.GetCpuCount()), uint64(r.GetCpuShares()), uint64(r.GetCpuMaximum())} //nolint:gosec // none is negative
	t.Want(slices.Equal(told, want), "the status tells %v, want %v", told, want)
}

func updateMemory(t *T) {
	c := t.pod().limited()
	t.Must(c.update(&runtime.WindowsContainerResources{MemoryLimitInBytes: 256 << 20, CpuMaximum: 2500}), "more memory")
	c.hasLimits(256, 0, 0, 2500)
	t.Must(c.update(&runtime.WindowsContainerResources{MemoryLimitInBytes: 192 << 20, CpuMaximum: 2500}), "less memory")
	c.hasLimits(192, 0, 0, 2500)
	c.execs("print", "still here").gives("still here\n", "", 0)
}

func updateProcessor(t *T) {
	c := t.pod().limited()
	t.Must(c.update(&runtime.WindowsContainerResources{MemoryLimitInBytes: 128 << 20, CpuMaximum: 5000}), "more processor")
	c.hasLimits(128, 0, 0, 5000)
	c.execs("print", "still here").gives("still here\n", "", 0)
}

// updateImpossible: two ways to limit the processor at once are no limit that could be set; nor is the memory changed that came with it.
func updateImpossible(t *T) {
	c := t.pod().limited()
	err := c.update(&runtime.WindowsContainerResources{MemoryLimitInBytes: 256 << 20, CpuMaximum: 5000, CpuShares: 500})
	t.Want(err != nil, "a share and a maximum at once were accepted: the machine has %v (memory, count, weight, maximum)", t.limits(c))
	c.hasLimits(128, 0, 0, 2500)
	t.Must(c.update(&runtime.WindowsContainerResources{MemoryLimitInBytes: 256 << 20, CpuMaximum: 5000}), "what is possible")
	c.hasLimits(256, 0, 0, 5000)
}

func updateCreated(t *T) {
	p := t.pod()
	c := p.container(app("print", "up", "--", "sleep", "300s"), limits(&runtime.WindowsContainerResources{MemoryLimitInBytes: 128 << 20, CpuMaximum: 2500}))
	t.Must(c.update(&runtime.WindowsContainerResources{MemoryLimitInBytes: 512 << 20, CpuMaximum: 7500}), "update a created container")
	c.start()
	c.says("up\n")
	c.hasLimits(512, 0, 0, 7500)
}
