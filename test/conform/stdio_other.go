//go:build !windows

package main

import (
	"errors"
	"net"
)

// listenPipe is here so that the rest of the program can be vetted and the table tested on any system.
func listenPipe(path string) (net.Listener, error) {
	return nil, errors.New("named pipes exist on Windows only: " + path)
}
