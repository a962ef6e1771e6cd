// Package network is the room for the container's network namespace: one that was given, one made for it and given back, or another
// container's.
package network

import (
	"context"
	"fmt"
	"strings"

	"github.com/Microsoft/go-winio/pkg/guid"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/ledger"
)

// Plan is what windows.network asks for.
type Plan struct {
	// None means that the spec has no network section.
	None bool
	// Namespace is the GUID that was given. Empty: the container gets one of its own, with Endpoints in it; or, when it shares another
	// container's network, the one that Endpoints are in.
	Namespace string
	Endpoints []string

	allowUnqualified bool
	search           []string
	sharedContainer  string
}

// Resolve reads windows.network.
func Resolve(n *specs.WindowsNetwork) (Plan, error) {
	if n == nil {
		return Plan{None: true}, nil
	}
	p := Plan{
		Namespace:        n.NetworkNamespace,
		Endpoints:        n.EndpointList,
		allowUnqualified: n.AllowUnqualifiedDNSQuery,
		search:           n.DNSSearchList,
		sharedContainer:  n.NetworkSharedContainerName,
	}
	if p.Namespace != "" {
		if _, err := guid.FromString(p.Namespace); err != nil {
			return Plan{}, fmt.Errorf("windows.network.networkNamespace: %q is not a GUID: %w", p.Namespace, errdefs.ErrInvalidArgument)
		}
		if len(p.Endpoints) > 0 {
			return Plan{}, fmt.Errorf("windows.network: networkNamespace and endpointList are mutually exclusive: %w", errdefs.ErrInvalidArgument)
		}
	}
	for _, e := range p.Endpoints {
		if _, err := guid.FromString(e); err != nil {
			return Plan{}, fmt.Errorf("windows.network.endpointList: %q is not a GUID: %w", e, errdefs.ErrInvalidArgument)
		}
	}
	for _, s := range p.search {
		if s == "" || strings.Contains(s, ",") {
			return Plan{}, fmt.Errorf("windows.network.DNSSearchList: %q is not a domain: %w", s, errdefs.ErrInvalidArgument)
		}
	}
	return p, nil
}

// Find fails when the namespace that was given does not exist.
func Find(ctx context.Context, net hcs.Network, p Plan) error {
	if p.Namespace == "" {
		return nil
	}
	if err := net.FindNamespace(ctx, p.Namespace); err != nil {
		return fmt.Errorf("network: namespace %s: %w", p.Namespace, err)
	}
	return nil
}

// Shares names the container whose network this is; empty for none.
func (p Plan) Shares() string { return p.sharedContainer }

// Attach makes the namespace when none was given, and returns the id of the one to use, empty for none. The id is chosen here and
// claimed before the namespace exists.
func Attach(ctx context.Context, net hcs.Network, p Plan, l *ledger.Ledger) (string, error) {
	if p.None || p.Namespace != "" {
		return p.Namespace, nil
	}
	if p.sharedContainer != "" {
		return share(ctx, net, p, l)
	}
	g, err := guid.NewV4()
	if err != nil {
		return "", fmt.Errorf("network: %w", err)
	}
	id := g.String()
	if err := l.Claim(ledger.Entry{Kind: ledger.Namespace, ID: id}); err != nil {
		return "", err
	}
	if err := net.CreateNamespace(ctx, id); err != nil {
		return "", fmt.Errorf("network: create namespace: %w", err)
	}
	for _, e := range p.Endpoints {
		if err := join(ctx, net, l, id, e); err != nil {
			return "", err
		}
	}
	return id, nil
}

// Fill is the plan's part of the document.
func (p Plan) Fill(c *schema.Container, namespace string) {
	if p.None {
		return
	}
	c.Networking = &schema.Networking{
		AllowUnqualifiedDNSQuery:   p.allowUnqualified,
		DNSSearchList:              strings.Join(p.search, ","),
		NetworkSharedContainerName: p.sharedContainer,
		Namespace:                  namespace,
	}
}

// Release gives back what an entry claimed; what is gone already is fine.
func Release(ctx context.Context, net hcs.Network, e ledger.Entry) error {
	var err error
	switch e.Kind {
	case ledger.Namespace:
		err = deleteNamespace(ctx, net, e)
	case ledger.Endpoint:
		if len(e.Args) != 1 {
			return fmt.Errorf("network: endpoint entry %s names no namespace", e.ID)
		}
		err = net.RemoveEndpoint(ctx, e.Args[0], e.ID)
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("network: release %s %s: %w", e.Kind, e.ID, err)
	}
	return nil
}
