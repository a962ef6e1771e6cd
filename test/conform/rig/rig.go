//go:build linux

package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"containerd-shim-hcs/test/conform/node"
)

// Rig is one, by the command that has started it.
type Rig struct {
	Command, Dir string
}

// Run returns what the command prints. Through a file: a Windows program that it starts may keep a pipe.
func (r Rig) Run(ctx context.Context, args ...string) (string, error) {
	out, err := os.CreateTemp("", "rig-command-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.CommandContext(ctx, r.Command, args...)
	cmd.Env = append(os.Environ(), "RIG="+r.Dir)
	var bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &bad
	err = cmd.Run()
	b, rerr := os.ReadFile(out.Name())
	if err == nil {
		err = rerr
	}
	if err != nil {
		return "", fmt.Errorf("rig %s: %w: %s%s", strings.Join(args, " "), err, Tail(string(b)), Tail(bad.String()))
	}
	return string(b), nil
}

// Tail is the end of a text that is for a message.
func Tail(s string) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-400):]
}

// Footprints are the gauges of the running processes of a Windows program, by their Windows ids.
func (r Rig) Footprints(ctx context.Context, exe string) (map[uint32][]node.Gauge, error) {
	out, err := r.Run(ctx, "run", filepath.Join(filepath.Dir(r.Command), "conform.exe"), "footprint", exe)
	if err != nil {
		return nil, err
	}
	return parseFootprints(out)
}

// parseFootprints reads what `conform footprint` prints.
func parseFootprints(out string) (map[uint32][]node.Gauge, error) {
	all := map[uint32][]node.Gauge{}
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var one struct {
			PID    uint32
			Gauges []node.Gauge
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil || one.PID == 0 || len(one.Gauges) == 0 {
			return nil, fmt.Errorf("footprint: bad line %q: %w", line, err)
		}
		all[one.PID] = one.Gauges
	}
	return all, nil
}
