package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"

	// The types that containerd's own clients know: events, stats and process details arrive as these.
	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	_ "github.com/containerd/containerd/api/events"
	_ "github.com/containerd/containerd/v2/core/runtime"

	"containerd-shim-hcs/test/conform/node"
)

type options struct {
	address, runtime, image, snapshotter, namespace, ctr, sim string

	// For what kills containerd and starts it again.
	dir, log, state string
	to              []string // executables of other versions

	// Of torture and soak.
	seed           uint64
	rounds, tasks  int
	cycles         int
	ledgers, tally string
	verbose        bool
}

// Env is what the cases share.
type Env struct {
	o       options
	ctx     context.Context // carries the namespace
	client  *containerd.Client
	image   containerd.Image
	machine *node.Machine
	daemon  *node.Daemon
	runID   string // part of every id, so that two runs never meet
}

func newEnv(ctx context.Context, o options) (*Env, error) {
	m, err := node.Dial(o.sim)
	if err != nil {
		return nil, err
	}
	c, err := containerd.New(o.address, containerd.WithDefaultNamespace(o.namespace))
	if err != nil {
		return nil, fmt.Errorf("connect to containerd at %s: %w", o.address, err)
	}
	e := &Env{
		o: o, client: c, machine: m, daemon: node.NewDaemon(o.dir, o.log, o.address),
		ctx:   namespaces.WithNamespace(context.Background(), o.namespace),
		runID: strconv.FormatInt(time.Now().UnixMilli()&0xffffffff, 36),
	}
	ctx = namespaces.WithNamespace(ctx, o.namespace)
	if e.image, err = c.GetImage(ctx, o.image); err != nil {
		return nil, fmt.Errorf("image %s: %w", o.image, err)
	}
	unpacked, err := e.image.IsUnpacked(ctx, o.snapshotter)
	if err == nil && !unpacked {
		err = e.image.Unpack(ctx, o.snapshotter)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", o.image, err)
	}
	return e, nil
}

func (e *Env) close() {
	e.client.Close()
	e.machine.Close()
}
