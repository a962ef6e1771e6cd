package main

import (
	"context"
	"strings"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var stopCases = []Case{
	{Name: "stop/program-is-told-and-ends-itself", Run: stopTold},
	{Name: "stop/without-grace-is-a-kill", Run: stopAtOnce},
	{Name: "stop/grace-runs-out", Run: stopIgnored},
	{Name: "stop/everything-in-it-is-told-if-asked", Run: stopAll},
	{Name: "stop/created-and-exited-containers", Run: stopOthers},
	{Name: "stop/2-s-old-container-within-300-ms", Run: stopYoung},
	{Name: "stop/remove-of-a-running-container", Run: stopRemove},
}

// stopTold: a program that ends when it is told has its own exit code, long before the grace is over.
func stopTold(t *T) {
	c := t.pod().run("trap", "exit", "5")
	c.says("trapping\n")
	time.Sleep(5 * time.Second) // the age of a container must not count here
	began := time.Now()
	c.stop(30 * time.Second)
	took := time.Since(began)
	s := c.status()
	t.Want(s.State == exited && s.ExitCode == 5, "it is %v with exit code %d", s.State, s.ExitCode)
	t.Want(took < 5*time.Second, "it took %v", took)
	c.logs("trapping\nCtrlShutdown\n", "")
}

func stopAtOnce(t *T) {
	c := t.pod().run("trap", "after", "60s", "exit", "5")
	c.says("trapping\n")
	time.Sleep(5 * time.Second)
	began := time.Now()
	c.stop(0)
	took := time.Since(began)
	s := c.status()
	t.Want(s.State == exited && s.ExitCode != 0 && s.ExitCode != 5, "it is %v with exit code %d", s.State, s.ExitCode)
	t.Want(took < 5*time.Second, "it took %v", took)
	t.Want(t.holdings().Running[c.id] == 0, "its processes run on")
}

// stopIgnored: the program is told, has its time, and is ended.
func stopIgnored(t *T) {
	c := t.pod().run("ignore")
	c.says("ignoring\n")
	time.Sleep(3 * time.Second)
	began := time.Now()
	c.stop(2 * time.Second)
	took := time.Since(began)
	s := c.status()
	t.Want(s.State == exited && s.ExitCode != 0, "it is %v with exit code %d", s.State, s.ExitCode)
	t.Want(took > 1900*time.Millisecond && took < 6*time.Second, "it took %v, with a grace of 2 s", took)
	c.logs("ignoring\nignored CtrlShutdown\n", "")
	t.Want(t.holdings().Running[c.id] == 0, "its processes run on")
}

// stopAll: by annotation, what an exec has left in the container hears of the stop too, while the container's own program takes its time.
func stopAll(t *T) {
	c := t.pod().runWith(app("trap", "after", "3s", "exit", "5"), func(c *runtime.ContainerConfig) {
		c.Annotations = map[string]string{"io.containerd.hcs.stop.scope": "container", "io.containerd.hcs.exec.descendants": "keep"}
	})
	c.says("trapping\n")
	c.execs("spawn", "trap")
	t.Want(t.Until(patience, func() bool { return c.runs() == 2 }), "%d processes run, want the program and what the exec left", c.runs())
	stopped := make(chan error, 1)
	go func() { stopped <- c.tryStop(30 * time.Second) }()
	t.Want(t.Until(2500*time.Millisecond, func() bool { return c.runs() == 1 }), "%d processes run after the stop event, want the program", c.runs())
	t.Must(<-stopped, "stop")
	s := c.status()
	t.Want(s.State == exited && s.ExitCode == 5, "it is %v with exit code %d", s.State, s.ExitCode)
	c.logs("trapping\nCtrlShutdown\n", "")
}

func stopOthers(t *T) {
	p := t.pod()
	made := p.container(app("print", "x"))
	t.Want(made.status().State == created, "a new container is %v", made.status().State)
	made.stop(time.Second)
	c := p.run("print", "y", "--", "exit", "3")
	s := c.ends(3)
	c.stop(time.Second)
	c.stop(0)
	t.Want(c.status().ExitCode == 3 && c.status().FinishedAt == s.FinishedAt, "the stop changed the status to %v", c.status())
	made.remove()
}

// stopYoung: the kubelet may stop a container that has just been started. What that takes over the end of the container's processes
// is the runtime's share. The best of three counts: what is asked is whether the runtime waits for something, not how busy the machine is.
func stopYoung(t *T) {
	p := t.pod()
	var shares []time.Duration
	for range 3 {
		share := stopShare(p)
		if share < 300*time.Millisecond {
			return
		}
		shares = append(shares, share)
	}
	t.Fail("the stop of a young container took %v after its processes had ended", shares)
}

// stopShare is how long the stop of a container that is two seconds old goes on when its processes have ended.
func stopShare(p *Pod) time.Duration {
	t := p.t
	c := p.run("trap", "exit", "5")
	started := time.Now()
	c.says("trapping\n")
	time.Sleep(time.Until(started.Add(2 * time.Second)))
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	ended := make(chan time.Time, 1)
	go func() {
		for ctx.Err() == nil {
			if h, err := t.machine.State(); err == nil && h.Running[c.id] == 0 {
				ended <- time.Now()
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	c.stop(30 * time.Second)
	returned := time.Now()
	s := c.status()
	t.Want(s.State == exited && s.ExitCode == 5, "it is %v with exit code %d", s.State, s.ExitCode)
	select {
	case end := <-ended:
		return returned.Sub(end)
	case <-time.After(5 * time.Second):
		t.Fail("its processes run on")
		return 0
	}
}

// stopRemove: RemoveContainer ends what runs.
func stopRemove(t *T) {
	p := t.pod()
	c := p.host()
	c.remove()
	h := t.holdings()
	t.Want(h.Running[c.id] == 0, "its processes run on")
	for _, l := range h.Systems {
		t.Want(!strings.Contains(l, c.id), "the machine holds compute system %s", l)
	}
	p.works()
}
