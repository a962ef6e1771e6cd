package node

import (
	"context"
	"net"

	"github.com/Microsoft/go-winio"
)

// ListenPipe serves a named pipe.
func ListenPipe(path string) (net.Listener, error) { return winio.ListenPipe(path, nil) }

// DialPipe connects to a named pipe.
func DialPipe(ctx context.Context, path string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, path)
}
