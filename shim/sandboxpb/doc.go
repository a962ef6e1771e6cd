// Package sandboxpb is the messages of containerd's sandbox API; see sandbox.proto for why they are not containerd's own.
package sandboxpb

// Wants protoc, Debian's protobuf-compiler.
//go:generate sh generate.sh
