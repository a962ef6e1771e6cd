//go:build !windows

package node

import (
	"context"
	"errors"
	"net"
)

// ListenPipe refuses: what uses it can be vetted and tested on any system, and runs on Windows.
func ListenPipe(path string) (net.Listener, error) { return nil, noPipes(path) }

// DialPipe refuses too.
func DialPipe(_ context.Context, path string) (net.Conn, error) { return nil, noPipes(path) }

func noPipes(path string) error { return errors.New("named pipes exist on Windows only: " + path) }
