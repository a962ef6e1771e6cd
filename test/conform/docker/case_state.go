//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var stateCases = []Case{
	script.Short("top/processes-of-the-container", 0, top),
	script.Short("stats/processor-and-memory", 0, stats),
	script.Long("stats/of-what-does-not-run", 0, statsStopped),
	script.Short("wait/next-exit", 0, waitNext),
	script.Short("events/order", 0, eventOrder),
	script.Long("events/of-an-exec", 0, eventsOfExec),
	script.Short("pause/stands-still-and-goes-on", 0, pause),
	script.Long("pause/stopped-and-removed", 0, pauseEnds),
	script.Long("pause/exec-is-refused", 0, pauseExec),
}

func top(t *T) {
	b := t.idle()
	b.detached("sleep", "300s")
	var r client.ContainerTopResult
	ok := t.Until(textBound, func() bool {
		var err error
		r, err = t.engine.ContainerTop(t.Ctx, b.id, client.ContainerTopOptions{})
		t.Must(err, "top")
		return len(r.Processes) == 2
	})
	t.Want(ok && slices.Equal(r.Titles, []string{"Name", "PID", "CPU", "Private Working Set"}), "top shows %q %q, want two processes", r.Titles, r.Processes)
	for _, p := range r.Processes {
		t.Want(p[0] == "winapp.exe" && p[1] != "0", "a process is %q", p)
	}
}

// sample is one look at the statistics.
func (b *Box) sample() container.StatsResponse {
	r, err := b.t.engine.ContainerStats(b.t.Ctx, b.id, client.ContainerStatsOptions{})
	b.t.Must(err, "stats")
	defer r.Body.Close()
	var s container.StatsResponse
	b.t.Must(json.NewDecoder(r.Body).Decode(&s), "stats")
	return s
}

// stats: zeros, as with a shim whose message the daemon does not know (moby#53101), are no answer. (What is read and written Wine does not
// count.)
func stats(t *T) {
	b := t.run(with("alloc", "64M", "1ms", "--", "print", "up", "--", "burn", "300s"))
	b.says("up")
	var first, last container.StatsResponse
	ok := t.Until(textBound, func() bool {
		last = b.sample()
		if first.Read.IsZero() {
			first = last
		}
		return last.CPUStats.CPUUsage.TotalUsage > first.CPUStats.CPUUsage.TotalUsage
	})
	t.Want(ok, "the processor time stays at %d", last.CPUStats.CPUUsage.TotalUsage)
	m := last.MemoryStats
	t.Want(m.Commit > 1<<20 && m.CommitPeak > 64<<20 && m.PrivateWorkingSet > 0, "memory: commit %d, peak %d, private working set %d", m.Commit, m.CommitPeak, m.PrivateWorkingSet)
	t.Want(last.OSType == "windows" && last.NumProcs > 0, "system %s with %d processors", last.OSType, last.NumProcs)
}

func statsStopped(t *T) {
	b := t.create(with("exit", "0"))
	s := b.sample()
	t.Want(s.CPUStats.CPUUsage.TotalUsage == 0, "before the start: %+v", s.CPUStats)
	b.start()
	b.endsWith(0)
	b.sample()
}

func waitNext(t *T) {
	b := t.run(with("sleep", "1s", "--", "exit", "12"))
	w := t.engine.ContainerWait(t.Ctx, b.id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	select {
	case r := <-w.Result:
		t.Want(r.StatusCode == 12, "it ended with %d, want 12", r.StatusCode)
	case err := <-w.Error:
		t.Must(err, "wait")
	}
	s := b.inspect().State
	t.Want(!s.Running && s.Pid == 0, "after the answer it is %s with pid %d", s.Status, s.Pid)
}

// watch collects the events of a container, by their actions.
func (b *Box) watch() func(last events.Action) []string {
	r := b.t.engine.Events(b.t.Ctx, client.EventsListOptions{Filters: client.Filters{}.Add("container", b.id)})
	return func(last events.Action) []string {
		var seen []string
		for {
			select {
			case m := <-r.Messages:
				word, _, _ := strings.Cut(string(m.Action), ":") // an exec's has its command after it
				if code := m.Actor.Attributes["exitCode"]; code != "" {
					word += " " + code
				}
				seen = append(seen, word)
				if m.Action == last {
					return seen
				}
			case err := <-r.Err:
				b.t.Fail("events: %v after %q", err, seen)
			case <-time.After(textBound):
				b.t.Fail("no event %s after %q", last, seen)
			}
		}
	}
}

func eventOrder(t *T) {
	b := t.create(with("trap", "exit", "5"))
	until := b.watch()
	b.start()
	b.says("trapping")
	_, err := t.engine.ContainerPause(t.Ctx, b.id, client.ContainerPauseOptions{})
	t.Must(err, "pause")
	_, err = t.engine.ContainerUnpause(t.Ctx, b.id, client.ContainerUnpauseOptions{})
	t.Must(err, "unpause")
	b.stop(20)
	t.Must(b.removed(t.Ctx), "remove")
	got := until(events.ActionDestroy)
	// The engine tells the stop by one goroutine and the end by another.
	if i := slices.Index(got, "stop"); i > 0 && i+1 < len(got) && got[i+1] == "die 5" {
		got[i], got[i+1] = got[i+1], got[i]
	}
	want := []string{"start", "pause", "unpause", "kill", "die 5", "stop", "destroy"}
	t.Want(slices.Equal(got, want), "events %q, want %q", got, want)
}

func eventsOfExec(t *T) {
	b := t.idle()
	until := b.watch()
	b.exec("exit", "3").gives(t, "", "", 3)
	b.kill("KILL")
	b.ended()
	got := until(events.ActionDie)
	want := []string{"exec_create", "exec_start", "exec_die 3", "kill"}
	t.Want(len(got) == 5 && slices.Equal(got[:4], want) && strings.HasPrefix(got[4], "die "), "events %q, want %q and die", got, want)
}

func pause(t *T) {
	b := t.run(with("tick", "600", "100ms"))
	b.says("3\n")
	_, err := t.engine.ContainerPause(t.Ctx, b.id, client.ContainerPauseOptions{})
	t.Must(err, "pause")
	s := b.inspect().State
	t.Want(s.Status == container.StatePaused && s.Paused, "it is %s", s.Status)
	time.Sleep(500 * time.Millisecond) // what was on its way
	still := b.logs()
	time.Sleep(time.Second)
	now := b.logs()
	t.Want(now == still, "while it was paused it wrote %q", strings.TrimPrefix(now, still))
	_, err = t.engine.ContainerUnpause(t.Ctx, b.id, client.ContainerUnpauseOptions{})
	t.Must(err, "unpause")
	b.is(container.StateRunning, textBound)
	ok := t.Until(textBound, func() bool { return len(b.logs()) > len(still) })
	t.Want(ok, "it does not go on")
}

// pauseEnds: what is paused can be killed, and removed.
func pauseEnds(t *T) {
	for _, end := range []func(*Box){func(b *Box) { b.kill("KILL"); b.ended() }, func(b *Box) { t.Must(b.removed(t.Ctx), "rm -f") }} {
		b := t.idle()
		_, err := t.engine.ContainerPause(t.Ctx, b.id, client.ContainerPauseOptions{})
		t.Must(err, "pause")
		end(b)
		t.Want(b.processes() == 0, "%d processes are left", b.processes())
	}
}

func pauseExec(t *T) {
	b := t.idle()
	_, err := t.engine.ContainerPause(t.Ctx, b.id, client.ContainerPauseOptions{})
	t.Must(err, "pause")
	_, err = t.engine.ExecCreate(t.Ctx, b.id, client.ExecCreateOptions{Cmd: []string{"winapp.exe", "exit", "0"}})
	t.Want(err != nil && strings.Contains(err.Error(), "paused"), "exec of a paused container: %v", fmt.Sprint(err))
}
