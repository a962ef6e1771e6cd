//go:build linux

package main

import (
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"containerd-shim-hcs/test/conform/script"
)

var statsCases = []Case{
	script.Short("stats/summary-has-each-container", 90*time.Second, statsSummary),
	script.Long("stats/cpu-and-memory-are-the-programs", 90*time.Second, statsTrue),
	script.Long("stats/resource-metrics", 90*time.Second, statsMetrics),
	script.Long("stats/network-of-a-pod", 90*time.Second, statsNetwork),
}

// inSummary waits until the summary tells that of the pod.
func (p *Pod) inSummary(what string, told func(*podStats) bool) *podStats {
	var s *podStats
	var err error
	ok := p.t.Until(time.Minute, func() bool {
		var all summary
		if all, err = p.t.kubelet.summary(p.t.Ctx); err != nil {
			return false
		}
		s = all.pod(p.t.ns, p.name)
		return s != nil && told(s)
	})
	p.t.Want(ok, "the summary does not tell %s: %+v, %v", what, s, err)
	return s
}

func (c *containerStats) whole() bool {
	return c != nil && c.CPU != nil && c.CPU.UsageCoreNanoSeconds != nil && c.Memory != nil && c.Memory.WorkingSetBytes != nil
}

func statsSummary(t *T) {
	p := t.ready(t.spec(t.host("one"), t.host("two")))
	q := t.ready(t.spec(t.host("only")))
	p.inSummary("both containers", func(s *podStats) bool { return s.container("one").whole() && s.container("two").whole() })
	q.inSummary("the container", func(s *podStats) bool { return s.container("only").whole() })
	q.delete(-1)
	ok := t.Until(30*time.Second, func() bool {
		s, err := t.kubelet.summary(t.Ctx)
		return err == nil && s.pod(t.ns, q.name) == nil && s.pod(t.ns, p.name) != nil
	})
	t.Want(ok, "the summary has a pod that is gone, or not the other one")
}

// statsTrue: a program that computes has used the processor, one that holds memory has it.
func statsTrue(t *T) {
	busy := t.app("busy", "burn", "5m") // by the clock: on a busy machine two seconds of a processor take longer
	big := t.app("big", "alloc", "60M", "5m")
	p := t.ready(t.spec(busy, big, t.host("idle")))
	p.inSummary("two seconds of CPU time", func(s *podStats) bool {
		c := s.container("busy")
		return c.whole() && *c.CPU.UsageCoreNanoSeconds > 2e9
	})
	s := p.inSummary("60 MiB of memory", func(s *podStats) bool {
		c := s.container("big")
		return c.whole() && *c.Memory.WorkingSetBytes >= 60<<20 && s.container("idle").whole()
	})
	idle := s.container("idle")
	t.Want(*idle.CPU.UsageCoreNanoSeconds < 2e9 && *idle.Memory.WorkingSetBytes < 60<<20,
		"the idle one used %d ns, %d bytes", *idle.CPU.UsageCoreNanoSeconds, *idle.Memory.WorkingSetBytes)
}

// statsMetrics: what the metrics server reads.
func statsMetrics(t *T) {
	p := t.ready(t.spec(t.host("main")))
	want := regexp.MustCompile(`(?m)^container_memory_working_set_bytes\{container="main",namespace="` + t.ns + `",pod="` + p.name + `"\} [0-9.e+]+`)
	var text string
	ok := t.Until(time.Minute, func() bool {
		b, err := t.kubelet.get(t.Ctx, "/metrics/resource")
		text = string(b)
		return err == nil && want.MatchString(text)
	})
	t.Want(ok, "the resource metrics have no line of the container: %s", cut(text))
	for _, name := range []string{"container_cpu_usage_seconds_total", "container_start_time_seconds", "node_memory_working_set_bytes"} {
		t.Want(strings.Contains(text, "\n"+name), "the resource metrics have no %s", name)
	}
}

// statsNetwork: the kubelet looks for the sandbox's id among the containers that HNS tells of each endpoint
// (k8s.io/kubernetes/pkg/kubelet/stats/cri_stats_provider_windows.go). A sandbox that is a record is none of them; with a pause container it is,
// and the sandbox API has no such choice.
func statsNetwork(t *T) {
	api := strings.HasSuffix(t.o.class, "-sandbox")
	p := t.ready(t.spec(t.netexec("web", 8080)), func(pod *corev1.Pod) {
		if !api {
			pod.Annotations = map[string]string{"io.containerd.hcs.sandbox.pause-container": "true"}
		}
	})
	p.serves("8080")
	if api {
		s := p.inSummary("the container", func(s *podStats) bool { return s.container("web").whole() })
		t.Want(s.Network == nil, "the kubelet knows the network of the pod after all: %+v", s.Network)
		return
	}
	p.inSummary("the pod's network", func(s *podStats) bool {
		if s.Network == nil {
			return false
		}
		for _, i := range s.Network.Interfaces {
			if i.RxBytes != nil && i.TxBytes != nil {
				return true
			}
		}
		return false
	})
}
