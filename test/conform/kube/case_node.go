//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var nodeCases = []Case{
	script.Short("node/ready-and-takes-pods", time.Minute, nodeReady),
	script.Long("node/capacity-decides", time.Minute, nodeCapacity),
	script.Long("node/tells-its-runtime-handlers", time.Minute, nodeHandlers),
	script.Long("node/stats-of-its-own", 90*time.Second, nodeStats),
}

func (t *T) theNode() *corev1.Node {
	n, err := t.api.CoreV1().Nodes().Get(t.Ctx, t.node, metav1.GetOptions{})
	t.Must(err, "get the node")
	return n
}

func nodeReady(t *T) {
	t.works()
	n := t.theNode()
	for _, c := range n.Status.Conditions {
		want := corev1.ConditionFalse // pressure of memory, disk, processes
		if c.Type == corev1.NodeReady {
			want = corev1.ConditionTrue
		}
		t.Want(c.Status == want, "the node's condition %s is %s: %s", c.Type, c.Status, c.Message)
	}
	i := n.Status.NodeInfo
	t.Want(i.OperatingSystem == "windows" && i.Architecture == "amd64", "the node is %s/%s", i.OperatingSystem, i.Architecture)
	t.Want(strings.HasPrefix(i.ContainerRuntimeVersion, "containerd://") && strings.HasPrefix(i.KubeletVersion, "v1."),
		"the node has %s, kubelet %s", i.ContainerRuntimeVersion, i.KubeletVersion)
	t.Want(i.MachineID != "" && i.BootID != "", "the node has no machine or boot id")
}

// nodeCapacity: a pod that asks for more than there is waits, and says for what; one that asks for less runs.
func nodeCapacity(t *T) {
	a := t.theNode().Status.Allocatable
	t.Want(a.Cpu().Sign() > 0 && a.Memory().Sign() > 0 && a.Pods().Value() > 0, "the node allots %v", a)
	much := t.app("main", "print", "x")
	much.Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(a.Memory().Value()+(1<<30), resource.BinarySI)}
	big := t.pod(t.spec(much))
	pod := big.until("unschedulable", func(pod *corev1.Pod) bool {
		c := condition(pod, corev1.PodScheduled)
		return c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
	})
	message := condition(pod, corev1.PodScheduled).Message
	t.Want(strings.Contains(message, "Insufficient memory"), "the pod waits for: %s", message)
	little := t.app("main", "print", "fits", "--", "exit", "0")
	little.Resources.Requests = amounts("cpu=10m memory=16Mi")
	p := t.pod(t.once(little))
	p.ends(corev1.PodSucceeded)
	p.logs("main", "fits\n")
}

// nodeHandlers: the kubelet passes on which handlers CRI has.
func nodeHandlers(t *T) {
	t.works()
	var names []string
	for _, h := range t.theNode().Status.RuntimeHandlers {
		names = append(names, h.Name)
	}
	for _, want := range []string{"hcs", "hcs-sandbox", "runhcs"} {
		t.Want(slices.Contains(names, want), "the node's handlers are %q, without %s", names, want)
	}
}

func nodeStats(t *T) {
	t.ready(t.spec(t.host("main")))
	var s summary
	ok := t.Until(time.Minute, func() bool {
		var err error
		s, err = t.kubelet.summary(t.Ctx)
		return err == nil && s.Node.CPU != nil && s.Node.CPU.UsageCoreNanoSeconds != nil &&
			s.Node.Memory != nil && s.Node.Memory.WorkingSetBytes != nil && *s.Node.Memory.WorkingSetBytes > 0
	})
	t.Want(ok, "the summary does not tell the node's CPU and memory: %+v", s.Node)
	t.Want(s.Node.NodeName == t.node, "the summary is of node %q", s.Node.NodeName)
	t.Want(s.Node.Fs != nil && s.Node.Fs.CapacityBytes != nil && *s.Node.Fs.CapacityBytes > 0, "the node has no disk: %+v", s.Node.Fs)
	b, err := t.kubelet.get(t.Ctx, "/healthz")
	t.Want(err == nil && string(b) == "ok", "the kubelet's health: %q, %v", b, err)
	t.Must(func() error {
		_, err := t.kubelet.get(t.Ctx, "/no/such/path")
		if err == nil {
			return fmt.Errorf("an answer")
		}
		return nil
	}(), "a path that the kubelet does not have")
}
