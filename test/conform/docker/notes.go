//go:build linux

package main

import "containerd-shim-hcs/test/conform/script"

const (
	noPause          = "pause and resume are not implemented, peer-runhcs §2.1"
	leavesNamespaces = "what it has made is known to its memory alone, so that a namespace stays behind, peer-runhcs §1.5, §13.2 D2"
)

// peerNotes say why Microsoft's shim (containerd-shim-runhcs-v1 of hcsshim v0.14.1) fails a case, with the place in peer-runhcs.
var peerNotes = map[string]script.Note{
	"run/no-such-program": {
		Text: "a start that fails is told as an exit with code 1 too, which the engine then keeps, peer-runhcs §9.5"},
	"events/order":                   {Text: noPause},
	"pause/stands-still-and-goes-on": {Text: noPause},
	"pause/stopped-and-removed":      {Text: noPause},
	"pause/exec-is-refused":          {Text: noPause},
	"network/shared-with-a-container": {
		Text: "it puts the other container's endpoints into a namespace of its own, peer-runhcs §8, and leaves that when it fails"},
	"upheaval/shim-killed": {Text: leavesNamespaces},
	"end/nothing-is-left":  {Text: "of the cases before: " + leavesNamespaces},
}
