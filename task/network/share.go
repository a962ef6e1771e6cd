package network

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task/ledger"
)

// share claims the namespace of the container that the plan shares the network of, and returns its id. The spec names that container, for HCS,
// and its endpoints; they are in the namespace that is looked for. (docker run --network container:…)
//
// The namespace is then claimed by both containers, and whichever ends last deletes it: deleteNamespace. This one's claim names the endpoint.
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
	return id, l.Claim(ledger.Entry{Kind: ledger.Namespace, ID: id, Args: p.Endpoints[:1]})
}

// deleteNamespace leaves a namespace that another container runs in to that one. That a namespace in use cannot be deleted is assumed. One that
// was shared is its owner's, who may not run yet, as long as the endpoint is in it: the owner takes that out first.
func deleteNamespace(ctx context.Context, net hcs.Network, claim ledger.Entry) error {
	id := claim.ID
	if len(claim.Args) > 0 {
		in, err := net.NamespaceOf(ctx, claim.Args[0])
		if err != nil && !errdefs.IsNotFound(err) {
			return err
		}
		if strings.EqualFold(in, id) {
			return nil
		}
	}
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
