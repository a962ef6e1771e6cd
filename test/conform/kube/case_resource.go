//go:build linux

package main

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var resourceCases = []Case{
	script.Long("resource/limits-reach-the-machine", time.Minute, resourceLimits),
	script.Long("resource/limits-in-the-summary", 90*time.Second, resourceSummary),
	script.Long("resource/resize-is-refused-and-changes-nothing", time.Minute, resourceResize),
}

func (t *T) limited() corev1.Container {
	c := t.host("main")
	c.Resources.Limits = amounts("cpu=500m memory=128Mi")
	return c
}

// memoryOf is what the machine has as the memory of a container, in MB.
func (t *T) memoryOf(id string) uint64 {
	doc, ok := t.holdings().Containers[strings.TrimPrefix(id, "containerd://")]
	t.Want(ok, "the machine does not know container %s", id)
	if doc.Memory == nil {
		return 0
	}
	return doc.Memory.SizeInMB
}

func resourceLimits(t *T) {
	p := t.ready(t.spec(t.limited(), t.host("free")))
	doc := t.holdings().Containers[strings.TrimPrefix(p.id("main"), "containerd://")]
	t.Want(doc.Memory != nil && doc.Memory.SizeInMB == 128, "the machine has the memory %+v, want 128 MB", doc.Memory)
	// Half of a processor, in hundredths of a percent of all.
	want := int32(5000 / t.theNode().Status.Capacity.Cpu().Value()) //nolint:gosec // far less
	t.Want(doc.Processor != nil && doc.Processor.Maximum == want, "the machine has the processor %+v, want %d of 10000", doc.Processor, want)
	t.Want(t.memoryOf(p.id("free")) == 0, "the other container has a limit too")
}

func resourceSummary(t *T) {
	p := t.ready(t.spec(t.limited()))
	var c *containerStats
	ok := t.Until(time.Minute, func() bool {
		s, err := t.kubelet.summary(t.Ctx)
		if err != nil || s.pod(t.ns, p.name) == nil {
			return false
		}
		c = s.pod(t.ns, p.name).container("main")
		return c != nil && c.Memory != nil && c.Memory.WorkingSetBytes != nil && *c.Memory.WorkingSetBytes > 0
	})
	t.Want(ok, "the summary does not tell the container's memory: %+v", c)
	t.Want(*c.Memory.WorkingSetBytes <= 128<<20, "it uses %d bytes, more than its limit", *c.Memory.WorkingSetBytes)
	pod := p.get()
	limit := of(pod, "main").Resources
	t.Want(limit == nil || limit.Limits.Memory().Value() == 128<<20, "the status tells the limits %v", limit)
}

// resourceResize: Kubernetes 1.34 does not resize pods of Windows in place. The API server refuses it for a pod that says it is one; of
// another one the kubelet says that it is not supported (k8s.io/kubernetes/pkg/kubelet/allocation/features_windows.go). The container
// is left alone.
func resourceResize(t *T) {
	resize := func(p *Pod) error {
		pod := p.get()
		for _, list := range []corev1.ResourceList{pod.Spec.Containers[0].Resources.Limits, pod.Spec.Containers[0].Resources.Requests} {
			list[corev1.ResourceMemory] = resource.MustParse("256Mi")
		}
		_, err := t.api.CoreV1().Pods(t.ns).UpdateResize(t.Ctx, p.name, pod, metav1.UpdateOptions{})
		return err
	}
	said := t.ready(t.spec(t.limited()))
	err := resize(said)
	t.Want(err != nil && strings.Contains(err.Error(), "windows pods cannot be resized"), "the resize of a Windows pod: %v", err)
	s := t.spec(t.limited())
	s.OS = nil
	p := t.ready(s)
	id := p.id("main")
	t.Must(resize(p), "resize a pod that does not say its system")
	pod := p.until("told that it cannot be resized", func(pod *corev1.Pod) bool {
		return condition(pod, corev1.PodResizePending).Status == corev1.ConditionTrue
	})
	c := condition(pod, corev1.PodResizePending)
	t.Want(c.Reason == corev1.PodReasonInfeasible && strings.Contains(c.Message, "not supported on Windows"),
		"the resize is %s: %s", c.Reason, c.Message)
	t.Want(p.id("main") == id && of(p.get(), "main").RestartCount == 0 && t.memoryOf(id) == 128,
		"the container was touched: %s, %d MB", describe(p.get()), t.memoryOf(id))
}
