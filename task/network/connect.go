package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task/ledger"
)

// takeBackBound is for taking out again what a failed change has added.
const takeBackBound = 10 * time.Second

// Connect brings a namespace that Attach made from the endpoints it has to those it shall have, and returns the ones it has then. What it
// adds is claimed. When one cannot be added, those before it are taken out again; when one cannot be removed, the next Connect
// tries again. A container that runs in the namespace sees the change at once: the endpoints are the namespace's, not its own (assumed,
// as for endpoints that are added before a container starts).
func Connect(ctx context.Context, net hcs.Network, l *ledger.Ledger, namespace string, has, shall []string) ([]string, error) {
	now := slices.Clone(has)
	for _, e := range shall {
		if contains(has, e) {
			continue
		}
		now = append(now, e)
		if err := join(ctx, net, l, namespace, e); err != nil {
			return has, errors.Join(err, takeBack(ctx, net, l, namespace, now[len(has):]))
		}
	}
	var errs []error
	for _, e := range has {
		if contains(shall, e) {
			continue
		}
		if err := leave(ctx, net, l, namespace, e); err != nil {
			errs = append(errs, err)
			continue
		}
		now = slices.DeleteFunc(now, func(other string) bool { return other == e })
	}
	return now, errors.Join(errs...)
}

func contains(list []string, id string) bool {
	return slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(other, id) })
}

func endpoint(namespace, id string) ledger.Entry {
	return ledger.Entry{Kind: ledger.Endpoint, ID: id, Args: []string{namespace}}
}

// join attaches an endpoint. That it is attached is no error: the code says to this namespace (assumed), there is another one for others.
func join(ctx context.Context, net hcs.Network, l *ledger.Ledger, namespace, id string) error {
	if err := l.Claim(endpoint(namespace, id)); err != nil {
		return err
	}
	if err := net.AddEndpoint(ctx, namespace, id); err != nil && !errors.Is(err, hcs.ErrHCNEndpointAttached) {
		return fmt.Errorf("network: add endpoint %s: %w", id, err)
	}
	return nil
}

func leave(ctx context.Context, net hcs.Network, l *ledger.Ledger, namespace, id string) error {
	e := endpoint(namespace, id)
	if err := Release(ctx, net, e); err != nil {
		return err
	}
	return l.Released(e)
}

// takeBack is leave for all. What stays is claimed, and goes with the container.
func takeBack(ctx context.Context, net hcs.Network, l *ledger.Ledger, namespace string, ids []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackBound)
	defer cancel()
	var errs []error
	for _, id := range ids {
		if err := leave(ctx, net, l, namespace, id); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
