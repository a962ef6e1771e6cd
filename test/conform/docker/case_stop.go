//go:build linux

package main

import (
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var stopCases = []Case{
	script.Short("stop/event-is-handled-and-logged", 0, stopHandled),
	script.Short("stop/whole-time-is-given", 0, stopWholeTime),
	script.Short("stop/time-runs-out", 0, stopRunsOut),
	script.Long("stop/own-signal", 0, stopSignal),
	script.Short("kill/at-once", 0, killAtOnce),
	script.Long("kill/refused-signal-does-no-harm", 0, killRefused),
	script.Long("kill/of-what-has-ended-is-refused", 0, killEnded),
}

func stopHandled(t *T) {
	b := t.run(with("trap", "exit", "6"))
	b.says("trapping")
	b.stop(20)
	b.endsWith(6)
	out, _ := b.streams()
	t.Want(strings.Count(out, "CtrlShutdown") == 1, "it says %q, want CtrlShutdown once", out)
}

// stopWholeTime: what handles the event slowly has the time that was given.
func stopWholeTime(t *T) {
	b := t.run(with("trap", "after", "4s", "exit", "6"))
	b.says("trapping")
	b.stop(30)
	b.endsWith(6)
}

func stopRunsOut(t *T) {
	b := t.run(with("ignore"))
	b.says("ignoring")
	began := time.Now()
	b.stop(3)
	took := time.Since(began)
	code := b.ended()
	t.Want(code != 0, "it ended with 0")
	t.Want(took >= 3*time.Second && took < 20*time.Second, "it took %v, want 3 s and not much more", took)
	t.Want(b.processes() == 0, "%d processes are left", b.processes())
}

// stopSignal: the one that the container asks for. SIGTERM and SIGKILL are all that an engine on Windows takes.
func stopSignal(t *T) {
	b := t.run(with("ignore"), func(s *spec) { s.StopSignal = "SIGKILL" })
	b.says("ignoring")
	began := time.Now()
	b.stop(60)
	t.Want(time.Since(began) < 30*time.Second, "it took %v", time.Since(began))
	b.ended()
}

func killAtOnce(t *T) {
	b := t.run(with("ignore"))
	b.says("ignoring")
	b.detached("ignore")
	ok := t.Until(textBound, func() bool { return b.processes() == 2 })
	t.Want(ok, "the exec does not run")
	b.kill("KILL")
	b.ended()
	t.Want(b.processes() == 0, "%d processes are left", b.processes())
	out, _ := b.streams()
	t.Want(!strings.Contains(out, "ignored"), "a killed program was told: %q", out)
}

func killRefused(t *T) {
	b := t.idle()
	_, err := t.engine.ContainerKill(t.Ctx, b.id, client.ContainerKillOptions{Signal: "SIGUSR1"})
	t.Want(err != nil, "SIGUSR1 was taken")
	t.Want(b.inspect().State.Status == container.StateRunning, "it is %s", b.inspect().State.Status)
}

func killEnded(t *T) {
	b := t.run(with("exit", "0"))
	b.endsWith(0)
	_, err := t.engine.ContainerKill(t.Ctx, b.id, client.ContainerKillOptions{Signal: "KILL"})
	t.Want(err != nil && strings.Contains(err.Error(), "not running"), "kill: %v", err)
}
