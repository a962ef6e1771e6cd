package main

// A note says why the peer (containerd-shim-runhcs-v1 of hcsshim v0.14.1) fails a case, with its place in peer-runhcs. There is
// none without a place: what has no explanation there is a fault of the simulator or of the case, and is to be mended.
type note struct {
	text      string
	sometimes bool // depends on timing: the peer may pass
}

var peerNotes = map[string]note{}
