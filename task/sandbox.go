package task

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/task/annotation"
	"containerd-shim-hcs/task/network"
)

// isSandbox reports whether the plan is that of a pod's sandbox.
func (p Plan) isSandbox() bool { return p.Sandbox != "" && p.Sandbox == p.ID }

// CreateSandbox makes the sandbox of a pod for the sandbox API, which says no more of it than the namespace.
func (p *Pod) CreateSandbox(ctx context.Context, id, namespace string, d Detail) error {
	plan := Plan{ID: id, Sandbox: id, mode: modeProcess}
	var err error
	if namespace == "" {
		err = fmt.Errorf("netns_path: a pod of process-isolated containers needs a network namespace: %w", errdefs.ErrInvalidArgument)
	} else {
		plan.Network, err = network.Resolve(&specs.WindowsNetwork{NetworkNamespace: namespace})
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", id, err)
	}
	return p.create(ctx, plan, d)
}

// kind is how the plan's task is run.
func (p Plan) kind() *kind {
	if k := modes[p.mode].sandbox; p.isSandbox() && k != nil && !p.pause {
		return k
	}
	return &system
}

func (p Plan) place() Place {
	return Place{Sandbox: p.Sandbox, Isolation: modes[p.mode].name, Namespace: p.Network.Namespace}
}

// resolveRecord reads what concerns a sandbox that is a record. The rest of its spec is about the pause program: command, root file
// system, limits and devices of a container that there is not.
func (p *Plan) resolveRecord(spec *specs.Spec) (err error) {
	if spec.Process.Terminal {
		return fmt.Errorf("process.terminal: the sandbox of a pod has no process to give a terminal to (annotation %s): %w", annotation.CRIContainerType, errdefs.ErrInvalidArgument)
	}
	if p.Network, err = network.Resolve(spec.Windows.Network); err != nil {
		return err
	}
	if modes[p.mode].namespace && p.Network.Namespace == "" {
		// containerd's CRI gives none to pods of HostProcess containers only (containerd-protocol §4.1).
		return fmt.Errorf("windows.network.networkNamespace: a sandbox (annotation %s) of %s needs the namespace that its containers share; "+
			"the host's network is for HostProcess containers: %w", annotation.CRIContainerType, modes[p.mode].name, errdefs.ErrInvalidArgument)
	}
	return nil
}
