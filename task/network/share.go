package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task/ledger"
)

// share claims the namespace of the container that the plan shares the network of, and returns its id. The spec names that container, for HCS,
// and its endpoints; they are in the namespace that is looked for. (docker run --network container:…)
//
// The namespace is then claimed by both containers, and whichever ends last deletes it: deleteNamespace.
func share(ctx context.Context, net hcs.Network, p Plan, l *ledger.Ledger) (string, error) {
	if len(p.Endpoints) == 0 {
		return "", fmt.Errorf("windows.network.networkSharedContainerName: %q has no endpoint to find its network by: %w", p.sharedContainer, errdefs.ErrNotImplemented)
	}
	id, err := net.NamespaceOf(ctx, p.Endpoints[0])
	if err != nil {
		return "", fmt.Errorf("network: endpoint %s: %w", p.Endpoints[0], err)
	}
	if id == "" {
		return "", fmt.Errorf("windows.network.networkSharedContainerName: endpoint %s of %q is in no namespace: %w", p.Endpoints[0], p.sharedContainer, errdefs.ErrFailedPrecondition)
	}
	return id, l.Claim(ledger.Entry{Kind: ledger.Namespace, ID: id})
}

// deleteNamespace leaves a namespace that another container runs in to that one. That a namespace in use cannot be deleted is assumed.
func deleteNamespace(ctx context.Context, net hcs.Network, id string) error {
	err := net.DeleteNamespace(ctx, id)
	if !errors.Is(err, hcs.ErrSharingViolation) {
		return err
	}
	in, e := net.Containers(ctx, id)
	if e != nil {
		return errors.Join(err, e)
	}
	if len(in) > 0 {
		return nil
	}
	return net.DeleteNamespace(ctx, id) // it has just ended
}
