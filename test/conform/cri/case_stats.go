package main

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var statsCases = []Case{
	{Name: "stats/of-a-working-container", Run: statsContainer},
	{Name: "stats/list-with-containers-in-every-state", Run: statsList},
	{Name: "stats/of-a-pod", Run: statsPod},
	{Name: "stats/list-of-pods", Run: statsPods},
	{Name: "stats/never-an-error-while-pods-come-and-go", Run: statsChurn, Limit: 3 * time.Minute},
}

func (c *Container) stats() *runtime.ContainerStats {
	r, err := c.t.cri.ContainerStats(c.t.Ctx, &runtime.ContainerStatsRequest{ContainerId: c.id})
	c.t.Must(err, "stats of container %s", c.id)
	return r.Stats
}

func (t *T) podStats(id string) []*runtime.PodSandboxStats {
	r, err := t.cri.ListPodSandboxStats(t.Ctx, &runtime.ListPodSandboxStatsRequest{Filter: &runtime.PodSandboxStatsFilter{Id: id}})
	t.Must(err, "list stats of pods")
	return r.Stats
}

// busy runs a container that uses a processor and holds memory.
func (p *Pod) busy() *Container {
	c := p.run("print", "up", "--", "burn", "120s")
	c.says("up\n")
	return c
}

func cpuTime(c *runtime.CpuUsage) time.Duration {
	return time.Duration(c.GetUsageCoreNanoSeconds().GetValue())
}

func statsContainer(t *T) {
	c := t.pod(func(c *runtime.PodSandboxConfig) { c.Labels["x"] = "y" }).busy()
	var s *runtime.ContainerStats
	ok := t.Until(20*time.Second, func() bool { s = c.stats(); return cpuTime(s.Cpu) > 50*time.Millisecond })
	t.Want(ok, "a burning program used %v of processor time", cpuTime(s.Cpu))
	t.Want(s.Attributes.Id == c.id && s.Attributes.Metadata.Name == c.config.Metadata.Name, "stats are of %v", s.Attributes)
	age := time.Since(time.Unix(0, s.Cpu.Timestamp))
	t.Want(age.Abs() < time.Minute, "timestamp is %v old", age)
	t.Want(s.Memory.GetWorkingSetBytes().GetValue() > 100<<10, "working set: %d bytes", s.Memory.GetWorkingSetBytes().GetValue())
	t.Want(s.WritableLayer != nil, "there is no writable layer in %v", s)
	first := s
	ok = t.Until(20*time.Second, func() bool { s = c.stats(); return cpuTime(s.Cpu)-cpuTime(first.Cpu) > 50*time.Millisecond })
	t.Want(ok && s.Cpu.Timestamp > first.Cpu.Timestamp, "processor time went from %v to %v while a program burns", first.Cpu, s.Cpu)
}

// statsList: containers that have not started or have ended are no reason not to tell of the others.
func statsList(t *T) {
	p := t.pod()
	busy := p.busy()
	made := p.container(app("print", "x"))
	over := p.run("print", "y", "--", "exit", "3")
	over.ends(3)
	other := t.pod().busy()
	list := func(f *runtime.ContainerStatsFilter) map[string]*runtime.ContainerStats {
		r, err := t.cri.ListContainerStats(t.Ctx, &runtime.ListContainerStatsRequest{Filter: f})
		t.Must(err, "list stats")
		m := map[string]*runtime.ContainerStats{}
		for _, s := range r.Stats {
			m[s.Attributes.Id] = s
		}
		return m
	}
	uses := func(m map[string]*runtime.ContainerStats, c *Container) bool {
		return cpuTime(m[c.id].GetCpu()) > 50*time.Millisecond
	}
	var m map[string]*runtime.ContainerStats
	ok := t.Until(20*time.Second, func() bool { m = list(nil); return uses(m, busy) && uses(m, other) })
	t.Want(ok, "all stats: %v, want of %s and %s that they use the processor", m, busy.id, other.id)
	m = list(&runtime.ContainerStatsFilter{PodSandboxId: p.id})
	t.Want(uses(m, busy) && m[other.id] == nil, "stats of the pod: %v", m)
	for _, c := range []*Container{made, over} {
		t.Want(cpuTime(m[c.id].GetCpu()) < time.Second, "a container that does not run uses %v", m[c.id])
	}
	m = list(&runtime.ContainerStatsFilter{Id: busy.id})
	t.Want(len(m) == 1 && m[busy.id] != nil, "stats by id: %v", m)
}

// sandboxer reports whether the handler's pods have no container of their own.
func (t *T) sandboxer() bool { return strings.HasSuffix(t.o.handler, "-sandbox") }

// statsPod: a pod uses at least what its containers use.
//
// containerd answers PodSandboxStats and the list by looking for a container that is named after the pod; where pods have none, it finds
// none (core, PodSandboxStats with sandboxer "shim"), whatever the shim says. That is asked here, so that the day it works is seen.
func statsPod(t *T) {
	p := t.pod(func(c *runtime.PodSandboxConfig) { c.Labels["x"] = "y" })
	c := p.busy()
	ask := func() (*runtime.PodSandboxStats, error) {
		r, err := t.cri.PodSandboxStats(t.Ctx, &runtime.PodSandboxStatsRequest{PodSandboxId: p.id})
		return r.GetStats(), err
	}
	if t.sandboxer() {
		_, err := ask()
		t.Want(err != nil && strings.Contains(err.Error(), "not found"), "containerd can tell the stats of a pod without a container now: %v", err)
		t.Want(c.stats().Cpu != nil, "no stats of the container either")
		return
	}
	var s *runtime.PodSandboxStats
	ok := t.Until(20*time.Second, func() bool {
		var err error
		s, err = ask()
		t.Must(err, "stats of pod %s", p.id)
		return s.Windows.GetCpu().GetUsageCoreNanoSeconds().GetValue() > uint64(50*time.Millisecond)
	})
	w := s.GetWindows()
	t.Want(ok && w != nil, "a burning program used %v of processor time", w.GetCpu())
	t.Want(s.Attributes.Id == p.id && s.Attributes.Labels["x"] == "y", "stats are of %v", s.Attributes)
	own := slices.IndexFunc(w.Containers, func(x *runtime.WindowsContainerStats) bool { return x.Attributes.Id == c.id })
	t.Want(own >= 0 && len(w.Containers) == 1, "containers %v, want %s", w.Containers, c.id)
	x := w.Containers[own]
	t.Want(w.Cpu.UsageCoreNanoSeconds.Value >= x.Cpu.UsageCoreNanoSeconds.Value, "the pod used %v, its container %v", w.Cpu, x.Cpu)
	t.Want(x.Memory.GetWorkingSetBytes().GetValue() > 0, "memory of the container: %v", x.Memory)
	t.Want(w.Memory.GetWorkingSetBytes().GetValue() >= x.Memory.WorkingSetBytes.Value, "memory of the pod is %v, of its container %v", w.Memory, x.Memory)
	if !t.old() {
		t.Want(x.Memory.GetCommitMemoryBytes().GetValue() > 100<<10, "memory of the container: %v", x.Memory)
		t.Want(w.Memory.GetCommitMemoryBytes().GetValue() >= x.Memory.CommitMemoryBytes.Value, "the pod committed %v, its container %v", w.Memory, x.Memory)
	}
	t.Want(w.GetProcess().GetProcessCount().GetValue() >= 1, "processes: %v", w.Process)
	t.Want(len(w.GetNetwork().GetInterfaces()) > 0 || w.GetNetwork().GetDefaultInterface() != nil, "network: %v", w.Network)
}

func statsPods(t *T) {
	p, q := t.pod(), t.pod()
	a, b := p.busy(), q.host()
	if t.sandboxer() { // see statsPod
		t.Want(len(t.podStats("")) == 0, "containerd can tell the stats of pods without a container now")
		t.Want(a.stats().Cpu != nil && b.stats().Cpu != nil, "no stats of the containers either")
		return
	}
	var list []*runtime.PodSandboxStats
	has := func(p *Pod, c *Container) bool {
		return slices.ContainsFunc(list, func(s *runtime.PodSandboxStats) bool {
			w := s.GetWindows()
			return s.Attributes.Id == p.id && len(w.GetContainers()) == 1 && w.Containers[0].Attributes.Id == c.id && w.Memory.GetWorkingSetBytes().GetValue() > 0
		})
	}
	ok := t.Until(10*time.Second, func() bool { list = t.podStats(""); return has(p, a) && has(q, b) })
	t.Want(ok, "stats of pods: %v", list)
	list = t.podStats(p.id)
	t.Want(len(list) == 1 && has(p, a), "stats of one pod: %v", list)
	q.stop()
	list = t.podStats("")
	t.Want(len(list) == 1 && has(p, a), "stats when one pod is stopped: %v", list)
}

// noMetric is how containerd says that a pod's own task is gone and the pod still counts as ready, which is so for a moment of every stop
// and makes the whole list an error (core, handling of a sandbox's exit). A shim has no part in it.
var noMetric = regexp.MustCompile(`failed to find container metric for pod with id ([0-9a-f]{64})$`)

// others are the lines of an error that do not say that of a pod which is being stopped.
func others(err error, stopped *sync.Map) []string {
	var list []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		m := noMetric.FindStringSubmatch(line)
		if m == nil {
			list = append(list, line)
		} else if _, known := stopped.Load(m[1]); !known {
			list = append(list, line)
		}
	}
	return list
}

// statsChurn asks all the time, as the kubelet does, while pods and containers come and go: one error costs it the whole node's stats.
func statsChurn(t *T) {
	steady := t.pod().busy()
	ctx, stop := context.WithCancel(t.Ctx)
	defer stop()
	var bad []string
	var stopped sync.Map
	var asked int
	var work sync.WaitGroup
	work.Go(func() {
		for ctx.Err() == nil {
			// Not with ctx: that a call is broken off is no answer.
			_, err := t.cri.ListContainerStats(t.Ctx, &runtime.ListContainerStatsRequest{})
			if err != nil {
				bad = append(bad, "list of containers: "+err.Error())
			}
			if _, err = t.cri.ListPodSandboxStats(t.Ctx, &runtime.ListPodSandboxStatsRequest{}); err != nil {
				for _, line := range others(err, &stopped) {
					bad = append(bad, "list of pods: "+line)
				}
			}
			asked++
		}
	})
	t.Each(3, func(i int) {
		for range 3 {
			p := t.pod()
			made := p.container(app("print", "x"))
			c := p.run("print", "here", "--", "exit", "3")
			c.ends(3)
			c.logs("here\n", "")
			made.start()
			made.ends(0)
			made.remove()
			stopped.Store(p.id, true)
			p.stop()
			p.remove()
		}
	})
	stop()
	work.Wait()
	t.Want(asked > 10, "stats were asked %d times only", asked)
	t.Want(len(bad) == 0, "%d of %d: %s", len(bad), 2*asked, strings.Join(bad[:min(3, len(bad))], "; "))
	t.Want(cpuTime(steady.stats().Cpu) > 0, "the container that went on used no processor")
}
