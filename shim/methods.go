package shim

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"
)

// register serves the task API under both of its names. The messages of version 3 are version 2's with another package name, so
// one table does; the version 3 package is not imported because it brings gRPC's server and client with it.
func register(server *ttrpc.Server, s *service) {
	methods := map[string]ttrpc.Method{
		"State":      method(s.State),
		"Create":     method(s.Create),
		"Start":      method(s.Start),
		"Delete":     method(s.Delete),
		"Pids":       method(s.Pids),
		"Pause":      method(s.Pause),
		"Resume":     method(s.Resume),
		"Checkpoint": method(s.Checkpoint),
		"Kill":       method(s.Kill),
		"Exec":       method(s.Exec),
		"ResizePty":  method(s.ResizePty),
		"CloseIO":    method(s.CloseIO),
		"Update":     method(s.Update),
		"Wait":       method(s.Wait),
		"Stats":      method(s.Stats),
		"Connect":    method(s.Connect),
		"Shutdown":   method(s.Shutdown),
	}
	for _, name := range []string{"containerd.task.v2.Task", "containerd.task.v3.Task"} {
		server.Register(name, methods)
	}
	server.Register(podService, map[string]ttrpc.Method{joinMethod: method(s.Join), stacksMethod: method(s.Stacks)})
}

// registerSandbox serves the sandbox API. Requests that are an id and nothing else have one message.
func registerSandbox(server *ttrpc.Server, s *sandboxes) {
	server.Register("containerd.runtime.sandbox.v1.Sandbox", map[string]ttrpc.Method{
		"CreateSandbox":   method(s.Create),
		"StartSandbox":    method(s.Start),
		"Platform":        method(s.Platform),
		"StopSandbox":     method(s.Stop),
		"WaitSandbox":     method(s.Wait),
		"SandboxStatus":   method(s.Status),
		"PingSandbox":     method(s.Ping),
		"ShutdownSandbox": method(s.Shutdown),
		"SandboxMetrics":  method(s.Metrics),
		"UpdateSandbox":   method(s.Update),
	})
}

// method adapts a typed call; errors become gRPC statuses here and nowhere else.
func method[Req, Resp any](call func(context.Context, *Req) (*Resp, error)) ttrpc.Method {
	return func(ctx context.Context, unmarshal func(any) error) (any, error) {
		req := new(Req)
		if err := unmarshal(req); err != nil {
			return nil, err
		}
		resp, err := call(ctx, req)
		if err != nil {
			return nil, errgrpc.ToGRPC(err)
		}
		return resp, nil
	}
}

// recovered turns a panic of one request into its error, so that it does not hurt another task.
func recovered(log *slog.Logger) ttrpc.UnaryServerInterceptor {
	return func(ctx context.Context, unmarshal ttrpc.Unmarshaler, info *ttrpc.UnaryServerInfo, m ttrpc.Method) (resp any, err error) {
		defer func() {
			if v := recover(); v != nil {
				log.Error("panic in a request", "method", info.FullMethod, "panic", v, "stack", string(debug.Stack()))
				resp, err = nil, errgrpc.ToGRPC(fmt.Errorf("%s: internal error: %v", info.FullMethod, v))
			}
		}()
		return m(ctx, unmarshal)
	}
}
