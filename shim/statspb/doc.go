// Package statspb is what this shim adds to Microsoft's message of a container's statistics; see stats.proto.
package statspb

// Wants protoc, Debian's protobuf-compiler.
//go:generate sh generate.sh
