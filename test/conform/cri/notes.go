package main

import "containerd-shim-hcs/test/conform/script"

const leavesLayers = "the delete command after a crash ends the compute system and leaves the layers, peer-runhcs §1.5, §13.2 D2"

var peerNotes = map[string]script.Note{
	"pod/goes-when-its-shim-dies":      {Text: leavesLayers},
	"restart/shim-that-dies-meanwhile": {Text: leavesLayers},
	"end/nothing-left-behind":          {Text: "of the cases in which its shim dies: " + leavesLayers},
	"container/out-of-memory-is-told": {
		Text: "nothing publishes TaskOOM, peer-runhcs §2.4, §13.2 D11"},
	"stop/2-s-old-container-within-300-ms": {
		Text: "a container that joins a pod has no log pipe of its own, and containerd waits five seconds for one, peer-runhcs §1.2, §1.3"},
	"exec/sync-over-its-timeout-takes-its-children": {
		Text: "an exec's process is ended alone, user-needs N32"},
	"stop/everything-in-it-is-told-if-asked": {
		Text: "there is no such annotation, user-needs N9"},
	"stats/never-an-error-while-pods-come-and-go": {
		Text: "Pids of a container that is just being closed is an error, which makes the whole list one, peer-runhcs §2.1", Sometimes: true},
	"update/impossible-refused-and-nothing-changed": {
		Text: "the memory is changed before the processor is looked at, peer-runhcs §6.2"},
	"restart/pod-goes-on": {
		Text: "a call that cannot tell its event at once fails, and a containerd that has just come back takes a while to listen, peer-runhcs §13.2 D7", Sometimes: true},
	"restart/container-that-ends-meanwhile": {
		Text: "Pids of a container that has just ended is empty, so that containerd takes it for a leftover, peer-runhcs §1.6; " + leavesLayers},
}
