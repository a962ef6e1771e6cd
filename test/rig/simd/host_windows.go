package main

import (
	"runtime"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/test/rig/simd/winhost"
)

// defaultRoot is where the rig expects the service.
func defaultRoot() string { return `C:\hcssim` }

func open(root string) (platform, error) {
	h, err := winhost.New(root)
	if err != nil {
		return platform{}, err
	}
	return platform{facts: hcs.Facts{Processors: runtime.NumCPU()}, launcher: h, store: h, open: h.OpenPipe, outlives: winhost.WhenEnded}, nil
}
