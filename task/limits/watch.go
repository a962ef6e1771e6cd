package limits

import "containerd-shim-hcs/hcs/schema"

// Watch tells from a container's commit whether it ran into its memory limit. HCS does not say so.
//
// What is known: a container is a job object with JOB_OBJECT_LIMIT_JOB_MEMORY, which refuses a commit that would pass the limit, to
// whichever process asks ("Job Objects", Windows); nothing is killed. HCS reports the job's commit and its peak (peer-runhcs §10.1,
// PeakJobMemoryUsed), on demand only.
//
// Assumed: the peak counts what was granted, so that a refusal leaves it below the limit by less than the piece that was refused. It
// follows that a single commit which is larger than what was left, by more than the margins below, is not seen: a container that
// commits 1 GiB at once under a limit of 64 MiB has a small peak.
type Watch struct {
	limit        uint64 // bytes, 0 for none
	peak, commit uint64 // when the limit was set: what had been committed by then was not under it
}

// How close to the limit is at the limit.
const (
	granule = 64 << 10 // allocation granularity: what is smaller is no piece that a program asks for
	// A program that could not get memory has failed, if it was not told to end, with its last piece refused. Heaps grow by pieces of
	// a size that grows with them, and not beyond leastPiece and mostPiece (assumed).
	pieces     = 32
	leastPiece = 1 << 20
	mostPiece  = 16 << 20
)

// NewWatch watches a limit that is set now; m is the memory in use, nil for none.
func NewWatch(memoryMB uint64, m *schema.MemoryStats) Watch {
	w := Watch{limit: memoryMB << 20}
	if m != nil {
		w.peak, w.commit = m.MemoryUsageCommitPeakBytes, m.MemoryUsageCommitBytes
	}
	return w
}

// Limited reports whether there is anything to watch.
func (w Watch) Limited() bool { return w.limit > 0 }

// Hit reports that the limit was reached. failed means that the container's program ended by itself and with an error.
func (w Watch) Hit(m *schema.MemoryStats, failed bool) bool {
	if w.limit == 0 || m == nil {
		return false
	}
	margin := uint64(granule)
	if failed {
		margin = min(max(w.limit/pieces, leastPiece), mostPiece, w.limit/4)
	}
	// A peak from under a higher limit hides later ones below it; the present commit does not.
	return m.MemoryUsageCommitPeakBytes > w.peak && m.MemoryUsageCommitPeakBytes >= w.limit-margin ||
		m.MemoryUsageCommitBytes > w.commit && m.MemoryUsageCommitBytes >= w.limit-margin
}
