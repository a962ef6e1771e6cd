//go:build linux

package main

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var probeCases = []Case{
	script.Long("probe/exec-readiness", time.Minute, probeExec),
	script.Short("probe/http", time.Minute, probeHTTP),
	script.Long("probe/tcp", time.Minute, probeTCP),
	script.Long("probe/grpc", time.Minute, probeGRPC),
	script.Long("probe/startup-holds-the-others", 90*time.Second, probeStartup),
	script.Short("probe/failing-liveness-restarts", 90*time.Second, probeLiveness),
	script.Long("probe/hanging-exec", 90*time.Second, probeHangs),
	script.Long("probe/readiness-counts-for-a-deployment", 90*time.Second, probeAvailable),
}

func notReady(pod *corev1.Pod) bool {
	return of(pod, "main").State.Running != nil && condition(pod, corev1.PodReady).Status == corev1.ConditionFalse
}

// probeExec: a file decides.
func probeExec(t *T) {
	c := t.host("main")
	c.ReadinessProbe = execProbe("type", `C:\ready`)
	p := t.pod(t.spec(c))
	p.until("running and not Ready", notReady)
	p.event("Unhealthy", "Readiness probe failed")
	p.exec("main", nil, words("write", `C:\ready`, "yes")...).gives(t, "", "", 0)
	p.until("Ready", isReady)
	p.exec("main", nil, words("rm", `C:\ready`)...).gives(t, "", "", 0)
	pod := p.until("not Ready again", notReady)
	t.Want(of(pod, "main").RestartCount == 0, "readiness restarts: %s", describe(pod))
}

func probeHTTP(t *T) {
	good := t.netexec("good", 8080)
	good.ReadinessProbe, good.LivenessProbe = httpProbe("/hostname", 8080), httpProbe("/hostname", 8080)
	good.LivenessProbe.InitialDelaySeconds = 3
	bad := t.netexec("bad", 8090)
	bad.ReadinessProbe = httpProbe("/echo?code=503&msg=busy", 8090)
	p := t.pod(t.spec(good, bad))
	p.until("half Ready", func(pod *corev1.Pod) bool { return of(pod, "good").Ready && of(pod, "bad").State.Running != nil })
	message := p.event("Unhealthy", "503")
	t.Want(strings.Contains(message, "Readiness probe failed"), "the event is %q", message)
	time.Sleep(5 * time.Second) // a liveness probe or two
	pod := p.get()
	t.Want(of(pod, "good").Ready && of(pod, "good").RestartCount == 0 && !of(pod, "bad").Ready, "%s", describe(pod))
}

func probeTCP(t *T) {
	good := t.app("good", "serve-tcp", ":7000")
	good.ReadinessProbe = tcpProbe(7000)
	bad := t.host("bad")
	bad.ReadinessProbe = tcpProbe(7001)
	p := t.pod(t.spec(good, bad))
	p.until("half Ready", func(pod *corev1.Pod) bool { return of(pod, "good").Ready && of(pod, "bad").State.Running != nil })
	p.event("Unhealthy", "7001")
	t.Want(!of(p.get(), "bad").Ready, "a port that nobody serves is ready: %s", describe(p.get()))
}

func probeGRPC(t *T) {
	c := t.agnhost("main", "grpc-health-checking", "--port=5000", "--http-port=8080")
	c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 5000}}, PeriodSeconds: 1, TimeoutSeconds: 5}
	t.ready(t.spec(c))
}

// probeStartup: until it has succeeded, a liveness probe that would fail is not asked.
func probeStartup(t *T) {
	c := t.app("main", "sleep", "4s", "--", "write", `C:\up`, "yes", "--", "trap")
	c.StartupProbe = execProbe("type", `C:\up`)
	c.StartupProbe.FailureThreshold = 60
	c.LivenessProbe = execProbe("type", `C:\up`)
	c.LivenessProbe.FailureThreshold = 1
	p := t.pod(t.spec(c))
	pod := p.until("started", func(pod *corev1.Pod) bool { s := of(pod, "main").Started; return s != nil && *s })
	began := of(pod, "main").State.Running.StartedAt
	t.Want(time.Since(began.Time) > 3*time.Second, "it counts as started before its startup probe can have succeeded")
	p.until("Ready", isReady)
	time.Sleep(3 * time.Second)
	t.Want(of(p.get(), "main").RestartCount == 0, "%s", describe(p.get()))
}

// probeLiveness: the container is stopped as its pod would be, and begins anew.
func probeLiveness(t *T) {
	c := t.app("main", "write", `C:\alive`, "yes", "--", "trap", "exit", "9")
	c.LivenessProbe = execProbe("type", `C:\alive`)
	c.LivenessProbe.FailureThreshold = 1
	s := t.spec(c)
	s.TerminationGracePeriodSeconds = ptr(int64(20))
	p := t.ready(s)
	id := p.id("main")
	p.exec("main", nil, words("rm", `C:\alive`)...).gives(t, "", "", 0)
	pod := p.restarted("main", 1)
	last := of(pod, "main").LastTerminationState.Terminated
	t.Want(last != nil && last.ExitCode == 9, "the end before the restart: %+v", last)
	t.Want(of(pod, "main").ContainerID != id, "the container is the same")
	previous, err := p.tryLog(t.Ctx, corev1.PodLogOptions{Previous: true})
	t.Want(err == nil && previous == "trapping\nCtrlShutdown\n", "the log before the restart is %q, %v", previous, err)
	// Its event "Killing" has the same name when the clock has not gone on since this one, and is lost (kubernetes#134993).
	p.event("Unhealthy", "Liveness probe failed")
	p.exec("main", nil, words("type", `C:\alive`)...).gives(t, "yes\n", "", 0) // it has a new disk
}

// probeHangs: a probe that does not answer in time is a failure, and its process does not stay.
func probeHangs(t *T) {
	c := t.host("main")
	c.ReadinessProbe = execProbe("sleep", "10m")
	c.ReadinessProbe.TimeoutSeconds = 1
	p := t.pod(t.spec(c))
	p.until("running and not Ready", notReady)
	id := p.id("main")
	p.event("Unhealthy", "timed out")
	most := 0
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end) && t.Ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		most = max(most, processesOf(t.holdings(), id))
	}
	t.Want(most >= 2 && most <= 3, "while it is probed the container has up to %d processes, want its own and one or two of probes", most)
	pod := p.get()
	t.Want(!isReady(pod) && of(pod, "main").RestartCount == 0, "%s", describe(pod))
}

// probeAvailable: the pods of a deployment that are available are those that are Ready, from one moment to the next. (A service's endpoints
// would be the same ones, but the API server takes no loopback address for an endpoint, and those are what pods have here.)
func probeAvailable(t *T) {
	c := t.host("main")
	c.StartupProbe = execProbe("exit", "0")
	c.ReadinessProbe = execProbe("type", `C:\ready`)
	spec := t.spec(c)
	t.namespace()
	t.deploy("web", 2, spec)
	pods := t.podsBecome("web", "two that have started", func(pods []corev1.Pod) bool {
		return len(pods) == 2 && !slices.ContainsFunc(pods, func(p corev1.Pod) bool { s := of(&p, "main").Started; return s == nil || !*s })
	})
	t.available("web", 0)
	one, two := &Pod{t: t, name: pods[0].Name}, &Pod{t: t, name: pods[1].Name}
	for i, p := range []*Pod{one, two} {
		p.exec("main", nil, words("write", `C:\ready`, "yes")...).gives(t, "", "", 0)
		t.available("web", int32(i+1)) //nolint:gosec // two
	}
	two.exec("main", nil, words("rm", `C:\ready`)...).gives(t, "", "", 0)
	t.available("web", 1)
	two.exec("main", nil, words("write", `C:\ready`, "yes")...).gives(t, "", "", 0)
	t.available("web", 2)
}

// available waits until the deployment has that many pods that can be used.
func (t *T) available(deployment string, n int32) {
	for {
		d, err := t.api.AppsV1().Deployments(t.ns).Get(t.Ctx, deployment, metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas == n && d.Status.ReadyReplicas == n {
			return
		}
		select {
		case <-t.Ctx.Done():
			t.Fail("deployment %s does not come to have %d pods available: %s", deployment, n, t.remains(t.ns))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
