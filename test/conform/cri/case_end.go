package main

import (
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"containerd-shim-hcs/test/conform/node"
)

var endCases = []Case{{Name: "end/nothing-left-behind", Run: nothingLeft}}

// nothingLeft: after one more life, neither CRI nor the machine holds anything: not of it, and not of the cases before.
func nothingLeft(t *T) {
	p := t.pod()
	p.works()
	p.stop()
	p.remove()
	left := t.machine.Settle(t.before, 5*time.Second)
	t.Want(left == "", "the machine holds: %s", left)
	pods, err := t.cri.ListPodSandbox(t.Ctx, &runtime.ListPodSandboxRequest{Filter: &runtime.PodSandboxFilter{LabelSelector: map[string]string{"run": t.runID}}})
	t.Must(err, "list pods")
	t.Want(len(pods.Items) == 0, "%d pods are still there", len(pods.Items))
	containers, err := t.cri.ListContainers(t.Ctx, &runtime.ListContainersRequest{Filter: &runtime.ContainerFilter{LabelSelector: map[string]string{"run": t.runID}}})
	t.Must(err, "list containers")
	t.Want(len(containers.Containers) == 0, "%d containers are still there", len(containers.Containers))
	shims, err := node.GoneWithin(t.shimExe(), 15*time.Second)
	t.Must(err, "look for shims")
	t.Want(len(shims) == 0, "%d shims are left", len(shims))
}
