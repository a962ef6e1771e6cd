package shim

import (
	"bytes"
	"context"
	"errors"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/task/annotation"
)

// podNamespace is the network namespace that CRI makes for the pod.
const podNamespace = "d2348bfa-8458-48a8-bb99-0a7000c73db3"

// inPod makes a spec one of CRI's.
func inPod(kind, sandbox string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Annotations = map[string]string{annotation.CRIContainerType: kind, annotation.CRISandboxID: sandbox, annotation.HostProcess: "false"}
		s.Windows.Network.NetworkNamespace = podNamespace
	}
}

// place makes a spec that of the node's container: any other than the shim's own is in its pod.
func (n *node) place(s *specs.Spec) {
	if n.id != shimID {
		inPod("container", shimID)(s)
	}
}

// sandboxRequest creates the sandbox, as CRI does: with the pause image's layers and without streams.
func (n *node) sandboxRequest() *taskapi.CreateTaskRequest {
	r := n.request(spec("pause.exe", inPod("sandbox", n.id)))
	r.Stdout = ""
	return r
}

// pod runs the sandbox.
func (n *node) pod() {
	n.t.Helper()
	n.svc.AddNamespace(podNamespace)
	if _, err := n.task.Create(n.t.Context(), n.sandboxRequest()); err != nil {
		n.t.Fatalf("create sandbox: %v", err)
	}
	n.start("")
}

// member runs a container of the pod.
func (n *node) member(id, script string) *node {
	n.t.Helper()
	m := n.as(id)
	m.bundle(spec(script, m.place))
	if _, err := m.startCommand(); err != nil {
		n.t.Fatalf("start command: %v", err)
	}
	m.create(spec(script, m.place))
	m.start("")
	return m
}

// startCommand is what containerd runs for every container of a pod, up to 2.2. Its bundle is the newest.
func (n *node) startCommand() (answer string, err error) {
	c := n.svc.Connect("containerd-shim-hcs-v1.exe start", 5)
	defer c.Close()
	s := Starter{
		Dial: n.svc.Machine(c).Host.DialPipe,
		Spawn: func(context.Context, []byte) (func(), error) {
			return nil, errors.New("another shim was to be started")
		},
	}
	var out bytes.Buffer
	err = s.Start(n.t.Context(), Flags{Namespace: ns, ID: n.id, Bundle: n.bundles[n.id]}, bytes.NewReader(nil), &out)
	return out.String(), err
}

// end kills, awaits and deletes.
func (n *node) end() {
	n.t.Helper()
	_ = n.kill("", 9) // of one that has ended it is NotFound
	n.wait("")
	if _, err := n.delete(""); err != nil {
		n.t.Errorf("delete %s: %v", n.id, err)
	}
}
