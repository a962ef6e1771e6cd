package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Pod is a pod sandbox.
type Pod struct {
	t      *T
	id     string
	config *runtime.PodSandboxConfig
}

// podConfig is one that the kubelet could send, with logs in a directory of its own.
func (t *T) podConfig(edits ...func(*runtime.PodSandboxConfig)) *runtime.PodSandboxConfig {
	name := t.ID()
	c := &runtime.PodSandboxConfig{
		Metadata:     &runtime.PodSandboxMetadata{Name: name, Uid: name + "-uid", Namespace: "conform"},
		Hostname:     "pod",
		LogDirectory: filepath.Join(t.o.work, t.runID, name),
		Labels:       map[string]string{"run": t.runID},
		Windows:      &runtime.WindowsPodSandboxConfig{SecurityContext: &runtime.WindowsSandboxSecurityContext{}},
	}
	for _, e := range edits {
		e(c)
	}
	t.Must(os.MkdirAll(c.LogDirectory, 0o755), "directory for logs") // as the kubelet does
	return c
}

// pod runs one.
func (t *T) pod(edits ...func(*runtime.PodSandboxConfig)) *Pod {
	p, err := t.tryPod(t.podConfig(edits...))
	t.Must(err, "run pod")
	return p
}

func (t *T) tryPod(c *runtime.PodSandboxConfig) (*Pod, error) {
	r, err := t.cri.RunPodSandbox(t.Ctx, &runtime.RunPodSandboxRequest{Config: c, RuntimeHandler: t.o.handler})
	if err != nil {
		return nil, err
	}
	p := &Pod{t: t, id: r.PodSandboxId, config: c}
	t.Later(p.scrap)
	return p, nil
}

// scrap is what the kubelet does in the end, whatever state the pod is in. Both calls do nothing for a pod that is not there.
func (p *Pod) scrap(ctx context.Context) error {
	if _, err := p.t.cri.StopPodSandbox(ctx, &runtime.StopPodSandboxRequest{PodSandboxId: p.id}); err != nil {
		return fmt.Errorf("stop pod %s: %w", p.id, err)
	}
	if _, err := p.t.cri.RemovePodSandbox(ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: p.id}); err != nil {
		return fmt.Errorf("remove pod %s: %w", p.id, err)
	}
	return nil
}

func (p *Pod) status() *runtime.PodSandboxStatus {
	r, err := p.t.cri.PodSandboxStatus(p.t.Ctx, &runtime.PodSandboxStatusRequest{PodSandboxId: p.id})
	p.t.Must(err, "status of pod %s", p.id)
	return r.Status
}

func (p *Pod) stop() {
	_, err := p.t.cri.StopPodSandbox(p.t.Ctx, &runtime.StopPodSandboxRequest{PodSandboxId: p.id})
	p.t.Must(err, "stop pod %s", p.id)
}

func (p *Pod) remove() {
	_, err := p.t.cri.RemovePodSandbox(p.t.Ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: p.id})
	p.t.Must(err, "remove pod %s", p.id)
}

// is waits for a state of the pod: what ended by itself is known a moment later.
func (p *Pod) is(want runtime.PodSandboxState) {
	var got runtime.PodSandboxState
	ok := p.t.Until(10*time.Second, func() bool {
		got = p.status().State
		return got == want || want == podReady // what is not ready does not become so
	})
	p.t.Want(ok && got == want, "pod %s is %v, want %v", p.id, got, want)
}

const (
	podReady    = runtime.PodSandboxState_SANDBOX_READY
	podNotReady = runtime.PodSandboxState_SANDBOX_NOTREADY
)

// works fails unless a program runs in the pod.
func (p *Pod) works() {
	c := p.run("print", "works", "--", "exit", "3")
	c.ends(3)
	c.logs("works\n", "")
	c.remove()
}
