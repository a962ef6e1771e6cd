//go:build linux

package main

import "containerd-shim-hcs/test/conform/script"

// peerNotes says why the peer fails cases.
var peerNotes = map[string]script.Note{}
