//go:build !windows

package node

import (
	"context"
	"errors"
	"net"
)

func listenPipe(path string) (net.Listener, error) { return nil, noPipes(path) }

// DialPipe refuses: what uses it can be vetted and tested on any system, and runs on Windows.
func DialPipe(_ context.Context, path string) (net.Conn, error) { return nil, noPipes(path) }

func noPipes(path string) error { return errors.New("named pipes exist on Windows only: " + path) }
