#!/bin/sh
# The plugin is that of the protobuf module in go.mod, the imported files are those of the api module.
set -eu
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
GOBIN="$bin" GOOS= GOARCH= go install google.golang.org/protobuf/cmd/protoc-gen-go
PATH="$bin:$PATH" protoc -I. -I"$(go list -m -f '{{.Dir}}' github.com/containerd/containerd/api)" --go_out=paths=source_relative:. sandbox.proto
