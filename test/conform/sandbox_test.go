package main

import (
	"bytes"
	"testing"

	"github.com/containerd/containerd/api/runtime/sandbox/v1"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"containerd-shim-hcs/shim/sandboxpb"
)

// TestSandboxMessages: the shim's messages of the sandbox API are containerd's on the wire, both ways.
func TestSandboxMessages(t *testing.T) {
	at := &timestamppb.Timestamp{Seconds: 1700000000, Nanos: 5}
	body := &anypb.Any{TypeUrl: "x/y", Value: []byte("z")}
	for _, c := range []struct{ theirs, ours proto.Message }{
		{&sandbox.CreateSandboxRequest{SandboxID: "a", BundlePath: "b", Options: body, NetnsPath: "c", Annotations: map[string]string{"k": "v"}},
			&sandboxpb.CreateSandboxRequest{SandboxId: "a", BundlePath: "b", Options: body, NetnsPath: "c", Annotations: map[string]string{"k": "v"}}},
		{&sandbox.StartSandboxRequest{SandboxID: "a"}, &sandboxpb.SandboxRequest{SandboxId: "a"}},
		{&sandbox.PlatformRequest{SandboxID: "a"}, &sandboxpb.SandboxRequest{SandboxId: "a"}},
		{&sandbox.WaitSandboxRequest{SandboxID: "a"}, &sandboxpb.SandboxRequest{SandboxId: "a"}},
		{&sandbox.PingRequest{SandboxID: "a"}, &sandboxpb.SandboxRequest{SandboxId: "a"}},
		{&sandbox.ShutdownSandboxRequest{SandboxID: "a"}, &sandboxpb.SandboxRequest{SandboxId: "a"}},
		{&sandbox.SandboxMetricsRequest{SandboxID: "a"}, &sandboxpb.SandboxRequest{SandboxId: "a"}},
		{&sandbox.StopSandboxRequest{SandboxID: "a", TimeoutSecs: 7}, &sandboxpb.StopSandboxRequest{SandboxId: "a", TimeoutSecs: 7}},
		{&sandbox.SandboxStatusRequest{SandboxID: "a", Verbose: true}, &sandboxpb.SandboxStatusRequest{SandboxId: "a", Verbose: true}},
		{&sandbox.StartSandboxResponse{Pid: 3, CreatedAt: at}, &sandboxpb.StartSandboxResponse{Pid: 3, CreatedAt: at}},
		{&sandbox.PlatformResponse{Platform: &types.Platform{OS: "windows", OSVersion: "10.0.20348.1"}},
			&sandboxpb.PlatformResponse{Platform: &types.Platform{OS: "windows", OSVersion: "10.0.20348.1"}}},
		{&sandbox.WaitSandboxResponse{ExitStatus: 3, ExitedAt: at}, &sandboxpb.WaitSandboxResponse{ExitStatus: 3, ExitedAt: at}},
		{&sandbox.SandboxStatusResponse{SandboxID: "a", Pid: 3, State: "s", Info: map[string]string{"k": "v"}, CreatedAt: at, ExitedAt: at},
			&sandboxpb.SandboxStatusResponse{SandboxId: "a", Pid: 3, State: "s", Info: map[string]string{"k": "v"}, CreatedAt: at, ExitedAt: at}},
		{&sandbox.SandboxMetricsResponse{Metrics: &types.Metric{ID: "a", Timestamp: at, Data: body}},
			&sandboxpb.SandboxMetricsResponse{Metrics: &types.Metric{ID: "a", Timestamp: at, Data: body}}},
		{&sandbox.StopSandboxResponse{}, &sandboxpb.Empty{}},
		{&runtime.PodSandboxConfig{Annotations: map[string]string{"k": "v"}, Windows: &runtime.WindowsPodSandboxConfig{SecurityContext: &runtime.WindowsSandboxSecurityContext{HostProcess: true}}},
			&sandboxpb.PodSandboxConfig{Annotations: map[string]string{"k": "v"}, Windows: &sandboxpb.WindowsPodSandboxConfig{SecurityContext: &sandboxpb.WindowsSandboxSecurityContext{HostProcess: true}}}},
	} {
		name := c.theirs.ProtoReflect().Descriptor().FullName()
		theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.theirs)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.ours)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(theirs, ours) {
			t.Errorf("%s: %x, ours %x", name, theirs, ours)
		}
	}
	// What containerd sends more than the shim reads does no harm.
	b, err := proto.Marshal(&sandbox.CreateSandboxRequest{SandboxID: "a", Rootfs: []*types.Mount{{Type: "windows-layer"}}})
	if err != nil {
		t.Fatal(err)
	}
	var req sandboxpb.CreateSandboxRequest
	if err := proto.Unmarshal(b, &req); err != nil || req.SandboxId != "a" {
		t.Errorf("%v, %v", &req, err)
	}
}
