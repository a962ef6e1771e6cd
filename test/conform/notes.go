package main

// A note says why the peer (containerd-shim-runhcs-v1 of hcsshim v0.14.1) fails a case, with its place in peer-runhcs. There is
// none without a place: what has no explanation there is a fault of the simulator or of the case, and is to be mended.
type note struct {
	text      string
	sometimes bool // depends on timing: the peer may pass
}

var peerNotes = map[string]note{
	"output/slow-reader-gets-everything": {
		text: "the rest of the output is dropped one second after the exit, peer-runhcs §9.4, §13.3 B14"},
	"output/slow-reader-of-an-exec-gets-everything": {
		text: "the rest of the output is dropped one second after the exit, peer-runhcs §9.4, §13.3 B14"},
	"terminal/resize-before-start-is-kept": {
		text: "a size told before the start is forgotten, peer-runhcs §2.1, §13.3 B13"},
	"ps/user-time-is-user-time": {
		text: "user time is filled with kernel time, peer-runhcs §10.2, §13.3 B9"},
	"events/exec-exit-before-its-delete": {
		text: "an exec counts as exited before its output has ended, so delete overtakes exit, peer-runhcs §2.1, §13.3 B12"},
	"spec/bad-annotation-refused-by-name": {
		text: "an annotation of the wrong type is a warning, and the container runs without it, peer-runhcs §13.2 D9"},
}
