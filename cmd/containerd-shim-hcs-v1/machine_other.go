//go:build !windows

package main

import (
	"errors"

	"containerd-shim-hcs/hcs"
)

// machine is not to be had: the Host Compute Service is a part of Windows.
func machine() (hcs.Machine, error) {
	return hcs.Machine{}, errors.New("this program runs on Windows only")
}
