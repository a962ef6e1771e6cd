//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/rig"
	"containerd-shim-hcs/test/conform/script"
)

var manyCases = []Case{
	script.Long("many/20-containers-at-once", 5*time.Minute, many),
}

var upheavalCases = []Case{
	script.Short("upheaval/shim-killed", 2*time.Minute, shimKilled),
	script.Short("upheaval/dockerd-restarted", 4*time.Minute, dockerdRestarted),
	script.Long("upheaval/containerd-killed-and-started", 4*time.Minute, containerdRestarted),
}

var endCases = []Case{
	script.Short("end/nothing-is-left", 2*time.Minute, nothingLeft),
}

func many(t *T) {
	began := time.Now()
	t.Each(20, func(i int) {
		b := t.idle(func(s *spec) { s.NetworkMode = "nat" })
		b.exec("exit", fmt.Sprint(i)).gives(t, "", "", i)
		b.kill("KILL")
		b.ended()
		t.Must(b.removed(t.Ctx), "remove")
	})
	t.Say("20 lives at once took %.1f s", time.Since(began).Seconds())
}

// shimKilled: the engine learns of the end, and what the shim had is given back; the container can be started again.
func shimKilled(t *T) {
	exe := node.ShimExe(t.o.runtime)
	others, err := t.rig.Programs(exe)
	t.Must(err, "look for shims")
	b := t.idle()
	all, err := t.rig.Programs(exe)
	t.Must(err, "look for shims")
	t.Want(len(all) == len(others)+1, "%d shims, want %d", len(all), len(others)+1)
	for _, pid := range all {
		if !slices.Contains(others, pid) {
			t.Must(rig.Kill(pid), "kill the shim")
		}
	}
	b.is(container.StateExited, textBound)
	t.Want(b.inspect().State.ExitCode != 0, "it ended with 0")
	b.start()
	b.is(container.StateRunning, textBound)
	b.exec("print", "again").gives(t, "again\n", "", 0)
}

func (t *T) restart(program string) {
	out, err := t.rig.Run(t.Ctx, "restart", program)
	t.Must(err, "%s", strings.TrimSpace(out))
}

// dockerdRestarted: an engine ends its containers before it ends, and starts those again that are to be restarted.
func dockerdRestarted(t *T) {
	plain := t.run(with("trap", "exit", "3"))
	plain.says("trapping")
	always := t.run(with("trap", "exit", "3"), func(s *spec) {
		s.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyAlways}
	})
	always.says("trapping")
	t.restart("dockerd")
	plain.is(container.StateExited, time.Minute)
	always.is(container.StateRunning, time.Minute)
	t.Want(plain.processes() == 0 && always.processes() == 1, "the machine has %d processes of the one, %d of the other", plain.processes(), always.processes())
	always.exec("print", "after").gives(t, "after\n", "", 0)
	plain.start()
	ok := t.Until(textBound, func() bool { return strings.Count(plain.logs(), "trapping") == 2 })
	t.Want(ok, "it says %q", plain.logs())
	plain.stop(20)
	plain.endsWith(3)
}

// containerdRestarted: the engine finds containerd again; containers run on, and their ends are told.
func containerdRestarted(t *T) {
	b := t.run(with("trap", "exit", "3"))
	b.says("trapping")
	pid := b.inspect().State.Pid
	t.restart("containerd")
	ok := t.Until(time.Minute, func() bool {
		_, err := t.engine.ContainerTop(t.Ctx, b.id, client.ContainerTopOptions{})
		return err == nil
	})
	t.Want(ok, "the engine does not reach the container any more")
	s := b.inspect().State
	t.Want(s.Status == container.StateRunning && s.Pid == pid, "it is %s with pid %d, want %d", s.Status, s.Pid, pid)
	b.exec("print", "after").gives(t, "after\n", "", 0)
	b.stop(20)
	b.endsWith(3)
	t.run(with("exit", "8")).endsWith(8)
}

// nothingLeft: with every container removed nothing is left at the machine, and no shim runs.
func nothingLeft(t *T) {
	r, err := t.engine.ContainerList(t.Ctx, client.ContainerListOptions{All: true})
	t.Must(err, "list")
	for _, c := range r.Items {
		_, err := t.engine.ContainerRemove(t.Ctx, c.ID, client.ContainerRemoveOptions{Force: true})
		t.Must(err, "remove %v", c.Names)
	}
	left := t.machine.Settle(t.before, time.Minute)
	t.Want(left == "", "%s", left)
	exe := node.ShimExe(t.o.runtime)
	var pids []int
	ok := t.Until(time.Minute, func() bool {
		pids, err = t.rig.Programs(exe)
		t.Must(err, "look for shims")
		return len(pids) == 0
	})
	t.Want(ok, "%d of %s run", len(pids), exe)
	t.run(with("exit", "0")).endsWith(0) // a control passes nothing
}
