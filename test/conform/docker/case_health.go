//go:build linux

package main

import (
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var healthCases = []Case{
	script.Short("health/comes-and-goes", 0, health),
	script.Long("health/check-that-hangs", 0, healthHangs),
	script.Long("health/filter-of-the-list", 0, healthFilter),
}

// checked is a container whose health is asked of a command every half second.
func checked(timeout time.Duration, test ...string) func(*spec) {
	return func(s *spec) {
		s.Healthcheck = &container.HealthConfig{
			Test: append([]string{"CMD", "winapp.exe"}, test...), Interval: 500 * time.Millisecond, Timeout: timeout, Retries: 2,
		}
	}
}

func (b *Box) feels(want container.HealthStatus) {
	var now *container.Health
	ok := b.t.Until(textBound, func() bool {
		now = b.inspect().State.Health
		return now != nil && now.Status == want
	})
	b.t.Want(ok, "its health is %+v, want %s", now, want)
}

func health(t *T) {
	b := t.idle(checked(10*time.Second, "type", `C:\fine.txt`))
	b.feels(container.Unhealthy)
	b.exec("write", `C:\fine.txt`, "fine").gives(t, "", "", 0)
	b.feels(container.Healthy)
	h := b.inspect().State.Health
	last := h.Log[len(h.Log)-1]
	t.Want(last.ExitCode == 0 && lines(last.Output) == "fine\n", "the last check ended with %d and said %q", last.ExitCode, last.Output)
	b.exec("rm", `C:\fine.txt`).gives(t, "", "", 0)
	b.feels(container.Unhealthy)
}

// healthHangs: a check that is over its time is ended, and nothing of it stays.
func healthHangs(t *T) {
	b := t.idle(checked(time.Second, "ignore"))
	b.feels(container.Unhealthy)
	most := 0
	for range 20 {
		most = max(most, b.processes())
		time.Sleep(200 * time.Millisecond)
	}
	t.Want(most <= 2, "%d processes at once, want the container's own and one check", most)
	b.kill("KILL")
	b.ended()
	t.Want(b.processes() == 0, "%d processes are left", b.processes())
}

// healthFilter: containers are listed by their health (moby's TestPsListContainersFilterHealth).
func healthFilter(t *T) {
	boxes := map[string]*Box{
		"healthy": t.idle(checked(10*time.Second, "exit", "0")), "unhealthy": t.idle(checked(10*time.Second, "exit", "1")), "none": t.idle(),
	}
	for want, b := range boxes {
		if want != "none" {
			b.feels(container.HealthStatus(want))
		}
		r, err := t.engine.ContainerList(t.Ctx, client.ContainerListOptions{Filters: client.Filters{}.Add("health", want).Add("id", b.id)})
		t.Must(err, "list")
		t.Want(len(r.Items) == 1, "%d containers are %s, want 1", len(r.Items), want)
	}
}
