package shim

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/hcs"
)

const (
	stacksMethod = "Stacks"
	stacksMost   = 2 << 20 // less than a ttrpc message takes
	stacksBound  = 10 * time.Second
)

// Stacks tells where every goroutine of the shim is.
func (s *service) Stacks(context.Context, *taskapi.ConnectRequest) (*anypb.Any, error) {
	b := make([]byte, 64<<10)
	for {
		if n := runtime.Stack(b, true); n < len(b) || len(b) >= stacksMost {
			return &anypb.Any{TypeUrl: "text/plain", Value: b[:n]}, nil
		}
		b = make([]byte, 2*len(b))
	}
}

// Stacks is the stacks command: what a shim that seems to hang does. The id is that which the shim was started for.
func Stacks(ctx context.Context, h hcs.Host, f Flags, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, stacksBound)
	defer cancel()
	conn, err := h.DialPipe(ctx, Address(f.Namespace, f.ID))
	if err != nil {
		return fmt.Errorf("the shim of %s does not serve: %w", f.ID, err)
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	var text anypb.Any
	if err := client.Call(ctx, podService, stacksMethod, &taskapi.ConnectRequest{ID: f.ID}, &text); err != nil {
		return fmt.Errorf("stacks of %s: %w", f.ID, errgrpc.ToNative(err))
	}
	_, err = stdout.Write(text.Value)
	return err
}
