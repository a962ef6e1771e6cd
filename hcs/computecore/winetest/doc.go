// Package winetest proves the Windows leaves (computecore, layer, hcn, host) end to end: its tests run as a Windows program on the rig,
// where the DLLs are the rig's and the service behind them is the simulator. They want an instance that is up, and nothing else on
// it: one of them restarts the service.
//
//	GOOS=windows CGO_ENABLED=0 go test -c -o build/winetest.exe ./hcs/computecore/winetest
//	build/rig/bin/rig run build/winetest.exe -test.v
//
// On a Windows host with containers they would run too, but for the tests that ask the simulator for faults, and on layers that
// are real base images; that has not been done.
package winetest
