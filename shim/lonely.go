package shim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"containerd-shim-hcs/task"
)

const (
	lonelyTick = 15 * time.Second
	// unusedMost is for the first container of a shim: containerd creates it right after the start.
	unusedMost = 5 * time.Minute
	// aloneMost is for a shim without containers that no client is connected to.
	aloneMost = time.Minute
)

// lonely returns true when the shim has nothing to do and nobody will say so: its create never came, or its client went away between the
// last delete and the shutdown. tasks and clients say how many there are, deserted that containerd has removed every directory through
// which it could come back.
func lonely(ctx context.Context, tasks, clients func() int, deserted func() bool) bool {
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
		if clients() == 0 && deserted() {
			return true
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

// deserted reports whether the shim's bundle and its tasks' have been removed: that is the last thing containerd does with a task, or with
// a shim whose start it has given up.
func deserted(bundle string, tasks task.Snapshot) bool {
	if bundle == "" {
		return false
	}
	bundles := []string{bundle}
	for _, t := range tasks {
		bundles = append(bundles, t.Init.Detail.Bundle)
	}
	return !slices.ContainsFunc(bundles, func(dir string) bool {
		_, err := os.Stat(dir)
		return !errors.Is(err, fs.ErrNotExist)
	})
}
