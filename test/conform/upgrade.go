package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	apitask "github.com/containerd/containerd/api/types/task"
)

var upgradeCases = []Case{{Name: "upgrade/tasks-live-through-every-version", Run: upgrade, Limit: 5 * time.Minute}}

// resident is a task that lives through upgrades, with an exec that writes all the time.
type resident struct {
	*Box
	ticker *Proc
	born   string // the version that made it
	pid    uint32
	pid2   uint32            // the ticker's
	names  map[string]string // of its execs, for the story of events
	story  []string
	lines  int    // of standard input so far
	heard  string // what its output is by now
}

// upgrade runs one version of containerd after the other on the same state. Each makes a task; all that were made before go on.
func upgrade(t *T) {
	ev := t.events()
	t.Want(len(t.o.to) > 0, "there is no version to upgrade to: give -to")
	residents := []*resident{t.settleIn()}
	for _, exe := range t.o.to {
		var procs []*Proc
		for _, r := range residents {
			procs = append(procs, &r.Proc, r.ticker)
		}
		t.leave(procs...)
		time.Sleep(time.Second) // the tickers go on
		t.Must(t.daemon.Install(exe), "install %s", exe)
		t.comeBack(ev)
		for _, r := range residents {
			r.goesOn()
		}
		t.Say("%s: tasks of %s go on", t.version(), births(residents))
		residents = append(residents, t.settleIn())
	}
	apis := map[int]bool{}
	for _, r := range residents {
		api := t.taskAPI(r.id)
		apis[api] = true
		r.leaves(ev)
		t.Say("%s: the task of %s, over task API version %d, ended and was removed", t.version(), r.born, api)
	}
	t.Want(len(apis) > 1, "all tasks use one version of the task API: %v", apis)
	t.noShims()
}

// settleIn makes a resident.
func (t *T) settleIn() *resident {
	r := &resident{Box: t.runWith(streams{stdin: true}, app("serve-lines")), born: t.version(), names: map[string]string{}}
	r.says("ready\n")
	r.heard = "ready\n"
	r.ticker = r.run("tick", "1000000", "20ms")
	r.names[r.ticker.id] = "ticker"
	r.ticker.says("3\n")
	r.pid, r.pid2 = t.get(r.id, "").Pid, t.get(r.id, r.ticker.id).Pid
	r.story = []string{"create", "start", "exec-added ticker", "exec-started ticker"}
	r.talks()
	return r
}

// goesOn checks that the resident is what it was, after the upgrade.
func (r *resident) goesOn() {
	t := r.t
	for exec, pid := range map[string]uint32{"": r.pid, r.ticker.id: r.pid2} {
		s := t.get(r.id, exec)
		t.Want(s.Status == apitask.Status_RUNNING && s.Pid == pid, "the task of %s: %v, pid %d, was RUNNING with %d", r.born, s.Status, s.Pid, pid)
	}
	pids := t.pids(r.id)
	t.Want(pids[r.pid] && pids[r.pid2], "the task of %s: pids %v, want %d and %d among them", r.born, pids, r.pid, r.pid2)
	r.loadAgain()
	r.ticker.loadAgain(r.Box)
	had := len(r.ticker.io.out.bytes())
	r.ticker.saysBytes(had + 500)
	r.talks()
}

// talks uses its standard input and a new exec.
func (r *resident) talks() {
	t := r.t
	r.lines++
	t.Must(r.io.in.write(t.Ctx, fmt.Appendf(nil, "line %d\n", r.lines)), "write to the task of %s", r.born)
	r.heard += fmt.Sprintf("got: line %d\n", r.lines)
	r.says(r.heard)
	p := r.run("print", "in", "--", "exit", "2")
	p.expect(2, "in", "")
	_, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete an exec of the task of %s", r.born)
	name := fmt.Sprintf("exec-%d", r.lines)
	r.names[p.id] = name
	r.story = append(r.story, "exec-added "+name, "exec-started "+name, "exit "+name, "delete "+name)
}

// leaves ends and removes the resident, and checks all that it has said and that was told of it.
func (r *resident) leaves(ev *recorder) {
	t := r.t
	t.Must(r.ticker.p.Kill(t.Ctx, sigkill), "kill the ticker")
	out := r.ticker.finish().out
	n := strings.Count(out, "\n")
	t.Want(n > 3 && strings.HasPrefix(ticks(n+1), out), "the ticker of %s: %d lines, and they are not the numbers from 1", r.born, n)
	_, err := r.ticker.p.Delete(t.Ctx)
	t.Must(err, "delete the ticker")
	r.release()
	r.expect(0, r.heard, "")
	t.Want(r.remove().ExitCode() == 0, "delete tells another code")
	want := strings.Join(append(r.story, "exit ticker", "delete ticker", "exit", "delete"), ", ")
	got := ev.story(r.id, len(r.story)+4, r.names)
	t.Want(got == want, "events of the task of %s: %s; want: %s", r.born, got, want)
}

func births(residents []*resident) string {
	var all []string
	for _, r := range residents {
		all = append(all, r.born)
	}
	return strings.Join(all, ", ")
}

// version is what containerd calls itself.
func (t *T) version() string {
	v, err := t.client.Version(t.Ctx)
	t.Must(err, "version")
	return v.Version
}

// taskAPI is the version that containerd speaks to the task's shim, by the file that it keeps in the bundle.
func (t *T) taskAPI(id string) int {
	b, err := os.ReadFile(filepath.Join(t.o.state, "io.containerd.runtime.v2.task", t.o.namespace, id, "bootstrap.json"))
	t.Must(err, "bootstrap of %s", id)
	var boot struct{ Version int }
	t.Must(json.Unmarshal(b, &boot), "bootstrap of %s: %s", id, b)
	return boot.Version
}
