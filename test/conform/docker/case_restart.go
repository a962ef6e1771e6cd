//go:build linux

package main

import (
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var restartCases = []Case{
	script.Short("restart/by-hand", 0, restartByHand),
	script.Short("restart/on-failure-with-back-off", 0, restartOnFailure),
	script.Long("restart/always-until-it-is-stopped", 0, restartAlways),
	script.Long("restart/no-more-after-success", 0, restartSuccess),
}

func restartByHand(t *T) {
	b := t.run(with("trap", "exit", "3"))
	b.says("trapping")
	first := b.inspect().State
	for i := range 3 {
		seconds := 20
		_, err := t.engine.ContainerRestart(t.Ctx, b.id, client.ContainerRestartOptions{Timeout: &seconds})
		t.Must(err, "restart")
		ok := t.Until(textBound, func() bool { return strings.Count(b.logs(), "trapping") == i+2 })
		t.Want(ok, "after %d restarts it says %q", i+1, b.logs())
	}
	now := b.inspect().State
	t.Want(now.Pid != first.Pid && now.StartedAt != first.StartedAt, "it is the same process %d", now.Pid)
	t.Want(strings.Count(b.logs(), "CtrlShutdown") == 3, "it says %q", b.logs())
}

// restartOnFailure: three times, each after twice the pause of the one before (100 ms, 200 ms, 400 ms).
func restartOnFailure(t *T) {
	b := t.create(with("exit", "9"), func(s *spec) {
		s.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyOnFailure, MaximumRetryCount: 3}
	})
	r := t.engine.Events(t.Ctx, client.EventsListOptions{Filters: client.Filters{}.Add("container", b.id)})
	b.start()
	var starts, deaths []time.Time
	for len(deaths) < 4 {
		select {
		case m := <-r.Messages:
			switch m.Action {
			case events.ActionStart:
				starts = append(starts, time.Unix(0, m.TimeNano))
			case events.ActionDie:
				deaths = append(deaths, time.Unix(0, m.TimeNano))
			}
		case err := <-r.Err:
			t.Must(err, "events")
		case <-time.After(textBound):
			t.Fail("after %d starts and %d deaths nothing happens", len(starts), len(deaths))
		}
	}
	t.Want(len(starts) == 4, "%d starts, want 4", len(starts))
	for i, least := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond} {
		pause := starts[i+1].Sub(deaths[i])
		t.Want(pause >= least, "restart %d came %v after the end, want at least %v", i+1, pause, least)
	}
	b.is(container.StateExited, textBound)
	i := b.inspect()
	t.Want(i.RestartCount == 3 && i.State.ExitCode == 9, "%d restarts, code %d", i.RestartCount, i.State.ExitCode)
}

func restartAlways(t *T) {
	b := t.run(with("sleep", "200ms", "--", "exit", "0"), func(s *spec) {
		s.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyAlways}
	})
	ok := t.Until(textBound, func() bool { return b.inspect().RestartCount >= 2 })
	t.Want(ok, "it was restarted %d times", b.inspect().RestartCount)
	b.stop(5)
	b.is(container.StateExited, textBound)
	count := b.inspect().RestartCount
	time.Sleep(2 * time.Second)
	i := b.inspect()
	t.Want(i.State.Status == container.StateExited && i.RestartCount == count, "after a stop it is %s, restarted %d times", i.State.Status, i.RestartCount)
}

func restartSuccess(t *T) {
	b := t.run(with("exit", "0"), func(s *spec) {
		s.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyOnFailure}
	})
	b.endsWith(0)
	time.Sleep(time.Second)
	i := b.inspect()
	t.Want(i.RestartCount == 0 && i.State.Status == container.StateExited, "it is %s, restarted %d times", i.State.Status, i.RestartCount)
}
