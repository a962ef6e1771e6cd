package node

import "testing"

func TestGaugeGrowsBeyondWhatItVaries(t *testing.T) {
	for _, x := range []struct {
		before, after, slack int64
		grown                bool
	}{
		{before: 85, after: 85},
		{before: 85, after: 86, grown: true},
		{before: 85, after: 93, slack: 8},
		{before: 85, after: 94, slack: 8, grown: true},
		{before: 85, after: 285, slack: 8, grown: true}, // one an exec
		{before: 1000, after: 1010, slack: 8},
		{before: 1000, after: 1011, slack: 8, grown: true},
		{before: 85, after: 20},
	} {
		if got := (Gauge{N: x.after, Slack: x.slack}).Grown(Gauge{N: x.before}); got != x.grown {
			t.Errorf("%d to %d, varying by %d: grown is %v, want %v", x.before, x.after, x.slack, got, x.grown)
		}
	}
}
