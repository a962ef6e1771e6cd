#!/bin/sh
# The plugin is that of the protobuf module in go.mod.
set -eu
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
GOBIN="$bin" GOOS= GOARCH= go install google.golang.org/protobuf/cmd/protoc-gen-go
PATH="$bin:$PATH" protoc -I. --go_out=paths=source_relative:. stats.proto
