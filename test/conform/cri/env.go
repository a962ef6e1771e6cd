package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/script"
)

type options struct {
	address, handler, image, sim, dir, log, work string
}

// Env is what the cases share.
type Env struct {
	o       options
	conn    *grpc.ClientConn
	cri     runtime.RuntimeServiceClient
	images  runtime.ImageServiceClient
	machine *node.Machine
	daemon  *node.Daemon
	version string        // containerd's
	before  node.Holdings // at the start of the run
	runID   string        // part of every name, so that two runs never meet
}

// T is one running case.
type T struct {
	*script.Test
	*Env
}

func newEnv(ctx context.Context, o options) (*Env, error) {
	m, err := node.Dial(o.sim)
	if err != nil {
		return nil, err
	}
	e := &Env{o: o, machine: m, daemon: node.NewDaemon(o.dir, o.log, o.address), runID: strconv.FormatInt(time.Now().UnixMilli()&0xffffffff, 36)}
	if err := e.connect(ctx); err != nil {
		return nil, err
	}
	if e.before, err = m.State(); err != nil {
		return nil, err
	}
	image, err := e.images.ImageStatus(ctx, &runtime.ImageStatusRequest{Image: &runtime.ImageSpec{Image: o.image}})
	if err == nil && image.Image == nil {
		err = fmt.Errorf("containerd's namespace k8s.io does not have it")
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", o.image, err)
	}
	return e, os.MkdirAll(filepath.Join(o.work, e.runID), 0o755)
}

// connect makes clients of the CRI service and waits for it. gRPC's own dialling would take the pipe's name for a host.
func (e *Env) connect(ctx context.Context) error {
	conn, err := grpc.NewClient("passthrough:///"+e.o.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return node.DialPipe(ctx, e.o.address) }))
	if err != nil {
		return err
	}
	if e.conn != nil {
		e.conn.Close()
	}
	e.conn, e.cri, e.images = conn, runtime.NewRuntimeServiceClient(conn), runtime.NewImageServiceClient(conn)
	v, err := e.cri.Version(ctx, &runtime.VersionRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("CRI at %s: %w", e.o.address, err)
	}
	e.version = v.RuntimeVersion
	return nil
}

// old reports whether containerd is a 1.x, whose CRI service does less.
func (e *Env) old() bool { return strings.HasPrefix(strings.TrimPrefix(e.version, "v"), "1.") }

// shimExe is the program that containerd runs for the handler, by the rig's configuration.
func (e *Env) shimExe() string {
	return node.ShimExe("io.containerd." + strings.TrimSuffix(e.o.handler, "-sandbox") + ".v1")
}

// holdings is what the machine holds now.
func (t *T) holdings() node.Holdings {
	h, err := t.machine.State()
	t.Must(err, "ask the simulator")
	return h
}

func (e *Env) close() {
	e.conn.Close()
	e.machine.Close()
}
