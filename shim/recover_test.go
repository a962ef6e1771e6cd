package shim

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
)

// TestPanicHurtsItsOwnRequestOnly: the request gets an error, the log the stack.
func TestPanicHurtsItsOwnRequestOnly(t *testing.T) {
	var log strings.Builder
	m := method(func(context.Context, *taskapi.StateRequest) (*taskapi.StateResponse, error) { panic("boom") })
	_, err := recovered(slog.New(slog.NewTextHandler(&log, nil)))(t.Context(), func(any) error { return nil }, &ttrpc.UnaryServerInfo{FullMethod: "/containerd.task.v2.Task/State"}, m)
	kind(t, "a request that panics", err, codes.Unknown)
	if s := log.String(); !strings.Contains(s, "boom") || !strings.Contains(s, "/containerd.task.v2.Task/State") || !strings.Contains(s, "recover_test.go") {
		t.Errorf("log %s", s)
	}
}
