package main

import (
	"context"
	"time"
)

// What becomes of pods while containerd is away. In each case it is killed and started again.
var restartCases = []Case{
	{Name: "restart/pod-goes-on", Run: restartRunning, Limit: 2 * time.Minute},
	{Name: "restart/container-that-ends-meanwhile", Run: restartExit, Limit: 2 * time.Minute},
	{Name: "restart/created-container-can-be-started", Run: restartCreated, Limit: 2 * time.Minute},
	{Name: "restart/shim-that-dies-meanwhile", Run: restartDead, Limit: 2 * time.Minute},
	{Name: "restart/stopped-pod-can-be-removed", Run: restartStopped, Limit: 2 * time.Minute},
}

// leave ends containerd where it stands.
func (t *T) leave() {
	t.Must(t.daemon.Kill(), "kill containerd")
	t.Later(func(ctx context.Context) error { // if the case fails before it is back
		up, err := t.daemon.Runs()
		if err != nil || up {
			return err
		}
		return t.again(ctx)
	})
}

func (t *T) comeBack() { t.Must(t.again(t.Ctx), "start containerd again") }

func (t *T) again(ctx context.Context) error {
	if err := t.daemon.Start(ctx, t.connect); err != nil {
		return err
	}
	return t.daemon.Open()
}

// runs is how many processes the machine has of a container, asked while containerd cannot tell.
func (c *Container) runs() int { return c.t.holdings().Running[c.id] }

func restartRunning(t *T) {
	p := t.pod()
	address := p.address()
	c := p.run("tick", "120", "50ms", "--", "print", "done", "--", "trap", "exit", "5")
	c.says("10\n")
	quiet := p.host()
	started := quiet.status().StartedAt
	t.leave()
	time.Sleep(time.Second)
	t.comeBack()
	p.is(podReady)
	t.Want(p.address() == address, "the address was %s and is %s", address, p.address())
	s := quiet.status()
	t.Want(s.State == running && s.StartedAt == started, "the container is %v, started at %d, before at %d", s.State, s.StartedAt, started)
	quiet.execs("print", "still here", "--", "exit", "4").gives("still here\n", "", 4)
	p.works()
	t.Want(cpuTime(quiet.stats().Cpu) >= 0 && quiet.stats().Memory != nil, "no stats: %v", quiet.stats())
	c.says("done\ntrapping\n")
	c.stop(20 * time.Second)
	c.ends(5)
	c.logs(ticks(120)+"done\ntrapping\nCtrlShutdown\n", "") // the log has no hole
	quiet.stop(0)
	p.stop()
	p.remove()
}

func restartExit(t *T) {
	p := t.pod()
	c := p.run("print", "up", "--", "sleep", "2s", "--", "print", "last words", "--", "exit", "7")
	c.says("up\n")
	t.leave()
	ok := t.Until(20*time.Second, func() bool { return c.runs() == 0 })
	t.Want(ok, "the container does not end")
	t.comeBack()
	c.ends(7)
	c.logs("up\nlast words\n", "")
	p.is(podReady)
	p.works()
}

func restartCreated(t *T) {
	p := t.pod()
	c := p.container(app("print", "late", "--", "exit", "6"))
	p.works()
	t.leave()
	t.comeBack()
	t.Want(c.status().State == created, "the container is %v", c.status().State)
	c.start()
	c.ends(6)
	c.logs("late\n", "")
}

// restartDead: pod and container are told as ended, and can be removed.
func restartDead(t *T) {
	p := t.pod()
	c := p.host()
	t.leave()
	for _, s := range t.shims() {
		t.Must(s.Kill(), "kill shim %d", s.PID)
	}
	t.comeBack()
	s := c.is(exited)
	t.Want(s.ExitCode != 0, "exit code %d", s.ExitCode)
	p.is(podNotReady)
	c.remove()
	p.stop()
	p.remove()
	t.pod().works()
}

func restartStopped(t *T) {
	p := t.pod()
	c := p.run("print", "x", "--", "exit", "3")
	c.ends(3)
	p.stop()
	t.leave()
	t.comeBack()
	p.is(podNotReady)
	s := c.status()
	t.Want(s.State == exited && s.ExitCode == 3, "the container is %v with exit code %d", s.State, s.ExitCode)
	c.remove()
	p.remove()
	t.pod().works()
}
