package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"containerd-shim-hcs/test/conform/node"
)

// footprintMain prints a line of JSON for each running process of a program: its id, and its gauges.
func footprintMain(args []string, w io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: conform footprint EXE")
		return 2
	}
	all, err := node.ProgramsNamed(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		return 1
	}
	for _, p := range all {
		gauges, err := p.Gauges()
		if err == nil {
			err = json.NewEncoder(w).Encode(struct {
				PID    uint32
				Gauges []node.Gauge
			}{p.PID, gauges})
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "footprint: process %d: %v\n", p.PID, err)
			return 1
		}
	}
	return 0
}
