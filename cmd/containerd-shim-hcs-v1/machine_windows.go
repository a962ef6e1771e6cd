package main

import (
	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/computecore"
	"containerd-shim-hcs/hcs/hcn"
	"containerd-shim-hcs/hcs/host"
	"containerd-shim-hcs/hcs/layer"
)

// machine is the real one.
func machine() (hcs.Machine, error) {
	return hcs.Machine{Compute: computecore.New(), Layers: layer.New(), Network: hcn.New(), Host: host.New()}, nil
}
