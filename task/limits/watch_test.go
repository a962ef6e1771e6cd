package limits

import (
	"testing"

	"containerd-shim-hcs/hcs/schema"
)

func TestWatch(t *testing.T) {
	use := func(commit, peak uint64) *schema.MemoryStats { // KiB
		return &schema.MemoryStats{MemoryUsageCommitBytes: commit << 10, MemoryUsageCommitPeakBytes: peak << 10}
	}
	for name, c := range map[string]struct {
		limit  uint64 // MiB
		when   *schema.MemoryStats
		now    *schema.MemoryStats
		failed bool
		want   bool
	}{
		"no limit":                                {0, nil, use(1<<20, 1<<20), true, false},
		"nothing is known":                        {64, nil, nil, true, false},
		"under it":                                {64, nil, use(30000, 50000), true, false},
		"at it":                                   {64, nil, use(65536, 65536), false, true},
		"at it before":                            {64, nil, use(0, 65536), false, true},
		"over it":                                 {64, nil, use(0, 204800), false, true},
		"a granule below":                         {64, nil, use(0, 65536-64), false, true},
		"more than a granule below":               {64, nil, use(0, 65536-65), false, false},
		"a piece below, and failed":               {64, nil, use(0, 65536-2048), true, true},
		"more than a piece below, and failed":     {64, nil, use(0, 65536-2049), true, false},
		"a small limit, not reached":              {1, nil, use(0, 700), true, false},
		"a small limit, reached":                  {1, nil, use(0, 800), true, true},
		"a large limit, a piece below":            {8192, nil, use(0, 8192<<10-16<<10), true, true},
		"a large limit, more than a piece below":  {8192, nil, use(0, 8192<<10-16<<10-1), true, false},
		"a limit that was lowered under the peak": {64, use(30000, 200000), use(30000, 200000), true, false},
		"… and is reached":                        {64, use(30000, 200000), use(65536, 200000), false, true},
		"a limit that was lowered under the use":  {64, use(100000, 100000), use(100000, 100000), false, false},
		"… by a program that then failed":         {64, use(100000, 100000), use(0, 100000), true, false},
		"a limit that was raised after a hit":     {128, use(65536, 65536), use(65536, 65536), true, false},
		"raised, and reached":                     {128, use(65536, 65536), use(131072, 131072), false, true},
	} {
		if got := NewWatch(c.limit, c.when).Hit(c.now, c.failed); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
