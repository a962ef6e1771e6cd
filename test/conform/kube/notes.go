//go:build linux

package main

import "containerd-shim-hcs/test/conform/script"

const leavesLayers = "the delete command after a crash ends the compute system and leaves the layers, peer-runhcs §1.5, §13.2 D2"

// peerNotes say why Microsoft's shim (containerd-shim-runhcs-v1 of hcsshim v0.14.1) fails a case, with the place in peer-runhcs.
var peerNotes = map[string]script.Note{
	"restart/out-of-memory-is-told": {
		Text: "nothing publishes TaskOOM, peer-runhcs §2.4, §13.2 D11"},
	"upheaval/shim-killed":    {Text: leavesLayers},
	"end/nothing-left-behind": {Text: "of the cases before: " + leavesLayers},
}
