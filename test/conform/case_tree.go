package main

import (
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What a process starts, and what becomes of it. HCS knows nothing of these.
var treeCases = []Case{
	{Name: "tree/ends-with-the-kill-of-its-exec", Run: treeKill},
	{Name: "tree/ends-with-the-delete-of-its-exec", Run: treeDelete},
	{Name: "tree/of-an-exec-is-kept-if-asked", Run: treeKept},
	{Name: "tree/hears-a-term-for-all", Run: treeTermAll},
	{Name: "tree/hears-a-term-by-annotation", Run: treeTermScope},
	{Name: "tree/ends-at-once-with-kill-for-all", Run: treeKillAll},
}

func annotated(key, value string) edit {
	return func(s *specs.Spec) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations[key] = value
	}
}

// processes waits until the task has that many.
func (b *Box) processes(want int, when string) {
	n := -1
	b.t.Until(streamBound, func() bool { n = len(b.details()); return n == want })
	b.t.Want(n == want, "%d processes %s, want %d", n, when, want)
}

func treeKill(t *T) {
	b := t.host()
	p := b.exec(streams{}, []string{"cmd", "/c", `C:\app\winapp.exe print in -- sleep 300s`})
	p.start()
	p.says("in")
	b.processes(3, "before the kill")
	t.Must(p.p.Kill(t.Ctx, sigkill), "kill exec")
	p.exited()
	b.processes(1, "after the kill")
}

// left is an exec that has ended and left a child behind.
func (b *Box) left(child ...string) *Proc {
	p := b.run(append([]string{"sleep", "300ms", "--", "print", "parent", "--", "spawn"}, child...)...)
	p.exited()
	b.processes(2, "after the end of the exec")
	return p
}

func treeDelete(t *T) {
	b := t.host()
	p := b.left("sleep", "300s")
	_, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete exec")
	b.processes(1, "after the delete of the exec")
}

func treeKept(t *T) {
	b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), annotated("io.containerd.hcs.exec.descendants", "keep"))
	b.says("up")
	p := b.left("sleep", "300s")
	_, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete exec")
	time.Sleep(time.Second)
	b.processes(2, "after the delete of the exec")
}

func treeTermAll(t *T) {
	heardByAll(t.run("trap", "after", "3s", "exit", "42"), containerd.WithKillAll)
}

func treeTermScope(t *T) {
	heardByAll(t.runWith(streams{}, app("trap", "after", "3s", "exit", "42"), annotated("io.containerd.hcs.stop.scope", "container")))
}

// heardByAll: the child that an exec has left ends by the signal, before the task's own process takes its leave.
func heardByAll(b *Box, opts ...containerd.KillOpts) {
	b.says("trapping")
	b.left("trap")
	b.t.Must(b.p.Kill(b.t.Ctx, sigterm, opts...), "TERM")
	n := -1
	b.t.Until(2500*time.Millisecond, func() bool { n = len(b.details()); return n == 1 })
	b.t.Want(n == 1, "%d processes after the TERM, want the one that takes its time", n)
	b.expect(42, "trapping\nCtrlShutdown", "")
}

func treeKillAll(t *T) {
	b := t.run("ignore")
	b.says("ignoring")
	b.left("ignore")
	began := time.Now()
	t.Must(b.p.Kill(t.Ctx, sigkill, containerd.WithKillAll), "KILL")
	b.exited()
	t.Want(time.Since(began) < 10*time.Second, "KILL took %v", time.Since(began))
}
