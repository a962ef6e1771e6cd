package main

import "containerd-shim-hcs/test/conform/script"

var peerNotes = map[string]script.Note{}
