package task

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/annotation"
	"containerd-shim-hcs/task/network"
)

// connect makes these endpoints those of the container's network namespace. It is the way of a client that names endpoints and no
// namespace (Docker); one that made the namespace itself (CRI) changes that, and has no need of us.
func (r *Runner) connect(l *live, e DoUpdate, endpoints []string) error {
	invalid := func(why string) error {
		return fmt.Errorf("annotation %s: %s: %w", annotation.Endpoints, why, errdefs.ErrInvalidArgument)
	}
	switch {
	case e.Resources != nil || len(e.Annotations) > 1:
		return invalid("nothing else can change with it")
	case l.plan.Network.None:
		return invalid("the container has no network: windows.network is missing in its spec")
	case l.plan.Network.Shares() != "":
		return invalid("the network is that of container " + l.plan.Network.Shares())
	case l.plan.Network.Namespace != "":
		return invalid("the network namespace is the client's, who can change its endpoints: " + l.plan.Network.Namespace)
	}
	l.connecting.Lock()
	defer l.connecting.Unlock()
	if err := l.ctx.Err(); err != nil {
		return fmt.Errorf("the container is being given back: %w", errdefs.ErrFailedPrecondition)
	}
	ctx, cancel := context.WithTimeout(context.Background(), callBound)
	defer cancel()
	var err error
	l.plan.Network.Endpoints, err = network.Connect(ctx, r.Machine.Network, l.ledger, l.space, l.plan.Network.Endpoints, endpoints)
	return err
}
