package shim

import (
	"context"
	"time"
)

const (
	lonelyTick = 15 * time.Second
	// unusedMost is for the first container of a shim: containerd creates it right after the start.
	unusedMost = 5 * time.Minute
	// aloneMost is for a shim without containers that no client is connected to.
	aloneMost = time.Minute
)

// lonely returns when the shim has nothing to do and nobody will say so: its create never came, or its client went away between the
// last delete and the shutdown. tasks and clients say how many there are.
func lonely(ctx context.Context, tasks, clients func() int) bool {
	tick := time.NewTicker(lonelyTick)
	defer tick.Stop()
	var unused, alone time.Duration
	used := false
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if tasks() > 0 {
			used, alone = true, 0
			continue
		}
		if unused += lonelyTick; !used && unused >= unusedMost {
			return true
		}
		if clients() > 0 {
			alone = 0
		} else if alone += lonelyTick; alone >= aloneMost {
			return true
		}
	}
}
