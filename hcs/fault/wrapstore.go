package fault

import (
	"context"

	"containerd-shim-hcs/hcs"
)

type layers struct {
	hcs.Layers
	s *Set
}

func (l layers) CreateScratch(ctx context.Context, scratch string, parents []string) error {
	return do0(ctx, l.s, "CreateSandboxLayer", scratch, func() error { return l.Layers.CreateScratch(ctx, scratch, parents) })
}

func (l layers) HasScratch(scratch string) (bool, error) {
	return do(context.Background(), l.s, "HasScratch", scratch, func() (bool, error) { return l.Layers.HasScratch(scratch) }, nil)
}

func (l layers) Activate(ctx context.Context, scratch string) error {
	return do0(ctx, l.s, "ActivateLayer", scratch, func() error { return l.Layers.Activate(ctx, scratch) })
}

func (l layers) Prepare(ctx context.Context, scratch string, parents []string) error {
	return do0(ctx, l.s, "PrepareLayer", scratch, func() error { return l.Layers.Prepare(ctx, scratch, parents) })
}

func (l layers) MountPath(ctx context.Context, scratch string) (string, error) {
	return do(ctx, l.s, "GetLayerMountPath", scratch, func() (string, error) { return l.Layers.MountPath(ctx, scratch) }, nil)
}

func (l layers) Unprepare(ctx context.Context, scratch string) error {
	return do0(ctx, l.s, "UnprepareLayer", scratch, func() error { return l.Layers.Unprepare(ctx, scratch) })
}

func (l layers) Deactivate(ctx context.Context, scratch string) error {
	return do0(ctx, l.s, "DeactivateLayer", scratch, func() error { return l.Layers.Deactivate(ctx, scratch) })
}

func (l layers) ID(ctx context.Context, path string) (string, error) {
	return do(ctx, l.s, "NameToGuid", path, func() (string, error) { return l.Layers.ID(ctx, path) }, nil)
}

type network struct {
	hcs.Network
	s *Set
}

func (n network) CreateNamespace(ctx context.Context, id string) error {
	return do0(ctx, n.s, "HcnCreateNamespace", id, func() error { return n.Network.CreateNamespace(ctx, id) })
}

func (n network) NamespaceOf(ctx context.Context, endpoint string) (string, error) {
	return do(ctx, n.s, "HNSCall", endpoint, func() (string, error) { return n.Network.NamespaceOf(ctx, endpoint) }, nil)
}

func (n network) Containers(ctx context.Context, namespace string) ([]string, error) {
	return do(ctx, n.s, "HNSCall", namespace, func() ([]string, error) { return n.Network.Containers(ctx, namespace) }, nil)
}

func (n network) Traffic(ctx context.Context, namespace string) ([]hcs.Traffic, error) {
	return do(ctx, n.s, "HNSCall", namespace, func() ([]hcs.Traffic, error) { return n.Network.Traffic(ctx, namespace) }, nil)
}

func (n network) FindNamespace(ctx context.Context, id string) error {
	return do0(ctx, n.s, "HcnOpenNamespace", id, func() error { return n.Network.FindNamespace(ctx, id) })
}

func (n network) DeleteNamespace(ctx context.Context, id string) error {
	return do0(ctx, n.s, "HcnDeleteNamespace", id, func() error { return n.Network.DeleteNamespace(ctx, id) })
}

func (n network) AddEndpoint(ctx context.Context, namespace, endpoint string) error {
	return do0(ctx, n.s, "HcnModifyNamespace", namespace, func() error { return n.Network.AddEndpoint(ctx, namespace, endpoint) })
}

func (n network) RemoveEndpoint(ctx context.Context, namespace, endpoint string) error {
	return do0(ctx, n.s, "HcnModifyNamespace", namespace, func() error { return n.Network.RemoveEndpoint(ctx, namespace, endpoint) })
}
