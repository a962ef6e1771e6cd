package winhost

import (
	"time"

	"golang.org/x/sys/windows"
)

const (
	// killPause is the time between two looks at whether killed processes are gone.
	killPause = 5 * time.Millisecond
	// birthPatience is how long a process may take from being one of the job's to its first thread.
	birthPatience = time.Second
)

// Kill implements sim.Group.
//
// Quirk: on Wine a process whose parent is killed while it creates it never begins: it is one of the job's and holds the handles that
// it inherited, but has no thread, and nothing ends it. It counts as gone once no other process is left that could still begin it
// (TestKillWhileStarting). A stream that it inherited stays open.
func (g *group) Kill(code uint32) {
	var since time.Time // nothing but such processes is left
	for {
		_ = windows.TerminateJobObject(g.job, code) // again for a process that was just being started
		left := g.running()
		if len(left) == 0 {
			return
		}
		begun, ok := g.host.processes(left)
		switch {
		case !ok || len(begun) > 0:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > birthPatience:
			return
		}
		time.Sleep(killPause)
	}
}
