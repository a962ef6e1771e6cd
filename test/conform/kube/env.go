//go:build linux

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/rig"
	"containerd-shim-hcs/test/conform/script"
)

type options struct {
	class, image, agnhost string
	rig, command          string // directory of the rig, and the program that asks it
	kubectl               string
	probePods             int
	probeTime             time.Duration
}

// Env is what the cases share.
type Env struct {
	o       options
	config  *rest.Config
	api     kubernetes.Interface
	kubelet *kubelet
	machine *rig.Machine
	rig     rig.Rig
	node    string        // its name
	before  node.Holdings // at the start of the run
	runID   string        // part of every namespace, so that two runs never meet
}

// T is one running case.
type T struct {
	*script.Test
	*Env
	ns string // its namespace, once it has one
}

func newEnv(ctx context.Context, o options) (*Env, error) {
	e := &Env{o: o, rig: rig.Rig{Command: o.command, Dir: o.rig}, runID: strconv.FormatInt(time.Now().UnixMilli()&0xffffffff, 36)}
	kubeconfig := filepath.Join(o.rig, "kube", "admin.kubeconfig")
	var err error
	if e.config, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return nil, fmt.Errorf("%s: %w (`rig kube-up` makes it)", kubeconfig, err)
	}
	e.config.QPS, e.config.Burst = 200, 400 // what is waited for is asked for often
	if e.api, err = kubernetes.NewForConfig(e.config); err != nil {
		return nil, err
	}
	nodes, err := e.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("nodes: %w", err)
	}
	if len(nodes.Items) != 1 {
		return nil, fmt.Errorf("%d nodes, want 1", len(nodes.Items))
	}
	e.node = nodes.Items[0].Name
	if _, err := e.api.NodeV1().RuntimeClasses().Get(ctx, o.class, metav1.GetOptions{}); err != nil {
		return nil, fmt.Errorf("runtime class %s: %w", o.class, err)
	}
	if e.kubelet, err = newKubelet(o.rig, e.config); err != nil {
		return nil, err
	}
	if e.machine, err = rig.NewMachine(o.rig); err != nil {
		return nil, err
	}
	e.before, err = e.machine.State()
	return e, err
}

// judged is what a case must leave as it was.
func (e *Env) judged() script.Machine {
	if strings.HasSuffix(e.o.class, "-sandbox") {
		return rig.Between{Machine: e.machine}
	}
	return e.machine
}

// shimExe is the program that containerd runs for a runtime class, by the rig's configuration.
func shimExe(class string) string {
	return node.ShimExe("io.containerd." + strings.TrimSuffix(class, "-sandbox") + ".v1")
}

// holdings is what the machine holds now.
func (t *T) holdings() node.Holdings {
	h, err := t.machine.State()
	t.Must(err, "ask the simulator")
	return h
}

// processesOf is how many processes the machine has of a container of CRI's, whose id Kubernetes tells as containerd://ID.
func processesOf(h node.Holdings, containerID string) int {
	return h.Running[strings.TrimPrefix(containerID, "containerd://")]
}
