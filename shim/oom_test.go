package shim

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs/sim"
)

// TestOOM: the event comes once, when and only when the container was at its memory limit, and before its exit.
func TestOOM(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		then   func(n *node) // while it runs
		oom    bool
	}{
		"at once":                               {"alloc 100MiB", nil, true},
		"in one piece that is most of it":       {"alloc 63MiB; commit 2MiB", nil, true},
		"a child's":                             {"spawn { alloc 100MiB }; sleep 1s; exit 5", nil, true},
		"together with a child":                 {"spawn { alloc 40MiB; wait }; sleep 1s; alloc 40MiB", nil, true},
		"an exec's":                             {"wait", func(n *node) { n.runs("alloc 100MiB"); time.Sleep(time.Minute); _ = n.kill("", 9) }, true},
		"seen by a request for statistics":      {"try-alloc 100MiB; wait", func(n *node) { time.Sleep(time.Second); n.stats(); n.svc.Break("web") }, true},
		"seen by the watch":                     {"try-alloc 100MiB; wait", func(n *node) { time.Sleep(time.Minute); n.svc.Break("web") }, true},
		"under the old limit":                   {"on CtrlC { exit 3 }; try-alloc 100MiB; wait", func(n *node) { n.resize(256); _ = n.kill("", 0) }, true},
		"under the new one":                     {"sleep 1m; alloc 200MiB", func(n *node) { n.resize(128) }, true},
		"of a container that had no limit":      {"sleep 1m; alloc 600MiB", func(n *node) { n.resize(512) }, true},
		"under a lower one, still there":        {"try-alloc 60MiB; free; sleep 1m; try-alloc 60MiB; wait", func(n *node) { n.resize(32); time.Sleep(3 * time.Minute); _ = n.kill("", 9) }, true},
		"never: it fails with less":             {"alloc 50MiB; exit 5", nil, false},
		"never: it is killed near it":           {"alloc 63MiB; wait", func(n *node) { time.Sleep(time.Minute); _ = n.kill("", 9) }, false},
		"never: it is told to end near it":      {"alloc 63MiB; wait", func(n *node) { time.Sleep(time.Minute); _ = n.kill("", 15) }, false},
		"never: it ends well near it":           {"alloc 63MiB", nil, false},
		"never: the new limit is higher":        {"sleep 1m; alloc 100MiB; exit 5", func(n *node) { n.resize(128) }, false},
		"never: the new limit is below its use": {"alloc 40MiB; sleep 1m; exit 5", func(n *node) { time.Sleep(time.Second); n.resize(32) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				limit := resources("memory", 64)
				if name == "of a container that had no limit" {
					limit = nil
				}
				n.create(spec(c.script, limited(limit)))
				n.start("")
				if c.then != nil {
					synctest.Wait()
					c.then(n)
				}
				n.wait("")
				time.Sleep(time.Second)
				seen := n.seen()
				oom := slices.Index(seen, "/tasks/oom web")
				started := slices.Index(seen, "/tasks/start web")
				exited := slices.IndexFunc(seen, func(e string) bool { return strings.HasPrefix(e, "/tasks/exit web") })
				if (oom >= 0) != c.oom || c.oom && (oom < started || oom > exited || slices.Contains(seen[oom+1:], "/tasks/oom web")) {
					t.Errorf("events %v", seen)
				}
				if _, err := n.delete(""); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// runs starts an exec and waits for its end.
func (n *node) runs(script string) {
	n.t.Helper()
	if err := n.exec("x", script); err != nil {
		n.t.Fatal(err)
	}
	n.start("x")
	n.wait("x")
}

func (n *node) resize(mb int) {
	n.t.Helper()
	if err := n.update(resources("memory", mb)); err != nil {
		n.t.Fatal(err)
	}
}

// TestOOMOfAnotherLife: an id that is used again begins without the news of the one before.
func TestOOMOfAnotherLife(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		for _, script := range []string{"alloc 100MiB", "exit 5"} {
			n.create(spec(script, limited(resources("memory", 64))))
			n.start("")
			n.wait("")
			_, _ = n.delete("")
		}
		time.Sleep(time.Second)
		ooms := slices.DeleteFunc(n.seen(), func(e string) bool { return e != "/tasks/oom web" })
		if len(ooms) != 1 {
			t.Errorf("%d events", len(ooms))
		}
	})
}
