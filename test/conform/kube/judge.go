//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"

	"containerd-shim-hcs/test/conform/node"
)

// sums adds up each gauge over all processes, and tells the most that one has.
func sums(f map[uint32][]node.Gauge) (names []string, sum, most map[string]int64) {
	sum, most = map[string]int64{}, map[string]int64{}
	for _, pid := range slices.Sorted(maps.Keys(f)) {
		for _, g := range f[pid] {
			if !slices.Contains(names, g.Name) {
				names = append(names, g.Name)
			}
			sum[g.Name] += g.N
			most[g.Name] = max(most[g.Name], g.N)
		}
	}
	return names, sum, most
}

// told is a line for each gauge.
func told(f map[uint32][]node.Gauge) (out []string) {
	names, sum, most := sums(f)
	for _, n := range names {
		out = append(out, fmt.Sprintf("%-18s %8d in %d shims, at most %d in one", n, sum[n], len(f), most[n]))
	}
	return out
}

// judge names what has grown in processes that are in both, by each gauge's own measure; a process that has ended or come between is named
// too: nothing may have happened but probes.
func judge(before, after map[uint32][]node.Gauge) (out []string) {
	for _, pid := range slices.Sorted(maps.Keys(before)) {
		now, ok := after[pid]
		if !ok {
			out = append(out, fmt.Sprintf("shim %d has ended", pid))
			continue
		}
		for _, g := range now {
			i := slices.IndexFunc(before[pid], func(b node.Gauge) bool { return b.Name == g.Name })
			if i < 0 {
				out = append(out, fmt.Sprintf("shim %d was not asked for its %s", pid, g.Name))
			} else if b := before[pid][i]; g.Grown(b) {
				out = append(out, fmt.Sprintf("shim %d: %s from %d to %d", pid, g.Name, b.N, g.N))
			}
		}
	}
	for _, pid := range slices.Sorted(maps.Keys(after)) {
		if before[pid] == nil {
			out = append(out, fmt.Sprintf("shim %d has come", pid))
		}
	}
	return out
}
