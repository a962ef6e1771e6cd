package stdio

import "time"

// Bounds limit how long output may drain after its process has exited.
type Bounds struct {
	// Idle is for a stream that is empty and still open, because a process that inherited it lives on.
	Idle time.Duration
	// Stall is for a client that is connected and takes nothing.
	Stall time.Duration
	// Absent is for a client that is not there, such as a containerd that restarts.
	Absent time.Duration
}

// DefaultBounds are generous where a client may still want the bytes.
var DefaultBounds = Bounds{Idle: time.Second, Stall: 60 * time.Second, Absent: 30 * time.Second}

// Report says what became of the output.
type Report struct {
	Bytes int64 // delivered to the client, all streams
	Cut   int64 // read from the process and not delivered
	Held  bool  // a stream was still open at the end of the Idle bound
}

// Drain waits until every output has reached end-of-file and the client has all of it. A bound counts from the last byte that
// moved, in steps of at most 64 KiB, so output is never cut while it flows. It closes the set.
func (s *Set) Drain(b Bounds) Report {
	var r Report
	for o := range s.outputs {
		r.Held = !o.drain(b) || r.Held
	}
	s.Close()
	for o := range s.outputs {
		r.Bytes += o.written.Load()
		r.Cut += o.read.Load() - o.written.Load()
	}
	return r
}

// Farewell is for after Drain. A client that went away, and serves the pipes again before the task is deleted, waits for the end of each: of
// those that the process's end has found without a client it is told, until End or the channel's end. (dockerd on Windows does not delete the
// task before.)
func (s *Set) Farewell(quit <-chan struct{}) {
	for o := range s.outputs {
		if closed(o.done) && o.unheard {
			go o.farewell(s.over, quit)
		}
	}
}

// drain reports whether the relay came to its end by itself.
func (o *output) drain(b Bounds) bool {
	const tick = 20 * time.Millisecond
	state, bytes, since := int32(-1), int64(-1), time.Time{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-o.done:
			return true
		case <-timer.C:
		}
		if now := o.read.Load() + o.written.Load(); now != bytes || o.state.Load() != state {
			state, bytes, since = o.state.Load(), now, time.Now()
		}
		if time.Since(since) >= [...]time.Duration{reading: b.Idle, writing: b.Stall, absent: b.Absent}[state] {
			return false
		}
		timer.Reset(tick)
	}
}
