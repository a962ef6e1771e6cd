//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var probeCases = []Case{
	brief("probe/exec-readiness", time.Minute, probeExec),
	brief("probe/http", time.Minute, probeHTTP),
	long("probe/tcp", time.Minute, probeTCP),
	long("probe/grpc", time.Minute, probeGRPC),
	long("probe/startup-holds-the-others", 90*time.Second, probeStartup),
	brief("probe/failing-liveness-restarts", 90*time.Second, probeLiveness),
	brief("probe/hanging-exec", 90*time.Second, probeHangs),
	brief("probe/readiness-takes-out-of-endpoints", 2*time.Minute, probeEndpoints),
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
	good.ReadinessProbe, good.LivenessProbe = httpProbe("/healthz", 8080), httpProbe("/healthz", 8080)
	good.LivenessProbe.InitialDelaySeconds = 3
	bad := t.netexec("bad", 8090)
	bad.ReadinessProbe = httpProbe("/no/such/page", 8090)
	p := t.pod(t.spec(good, bad))
	pod := p.until("half Ready", func(pod *corev1.Pod) bool { return of(pod, "good").Ready && of(pod, "bad").State.Running != nil })
	message := p.event("Unhealthy", "404")
	t.Want(strings.Contains(message, "Readiness probe failed"), "the event is %q", message)
	time.Sleep(5 * time.Second) // a liveness probe or two
	pod = p.get()
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
	message := p.event("Killing", "liveness probe")
	t.Want(strings.Contains(message, "main"), "the event is %q", message)
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

// probeEndpoints: a service's endpoints have the pods that are Ready as such.
func probeEndpoints(t *T) {
	c := t.host("main")
	c.ReadinessProbe = execProbe("type", `C:\ready`)
	spec := t.spec(c)
	_, err := t.api.CoreV1().Services(t.namespace()).Create(t.Ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{
		Selector: labels("web"), ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt(8080)}},
	}}, metav1.CreateOptions{})
	t.Must(err, "make a service")
	label := func(pod *corev1.Pod) { pod.Labels = labels("web") }
	a, b := t.pod(spec, label), t.pod(spec, label)
	for _, p := range []*Pod{a, b} {
		p.until("running", func(pod *corev1.Pod) bool { return of(pod, "main").State.Running != nil })
		p.exec("main", nil, words("write", `C:\ready`, "yes")...).gives(t, "", "", 0)
	}
	t.endpoints("web", a, b)
	b.exec("main", nil, words("rm", `C:\ready`)...).gives(t, "", "", 0)
	t.endpoints("web", a)
	b.exec("main", nil, words("write", `C:\ready`, "yes")...).gives(t, "", "", 0)
	t.endpoints("web", a, b)
	a.delete(-1)
	t.endpoints("web", b)
}

// endpoints waits until the service leads to these pods and no other.
func (t *T) endpoints(service string, pods ...*Pod) {
	want := map[string]bool{}
	for _, p := range pods {
		want[p.get().Status.PodIP] = true
	}
	t.Want(!want[""] && len(want) == len(pods), "the pods' addresses are %v", want)
	var got map[string]bool
	ok := t.Until(time.Minute, func() bool {
		got = map[string]bool{}
		list, err := t.api.DiscoveryV1().EndpointSlices(t.ns).List(t.Ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
		if err != nil {
			return false
		}
		for _, s := range list.Items {
			for _, e := range s.Endpoints {
				if e.Conditions.Ready != nil && *e.Conditions.Ready {
					got[e.Addresses[0]] = true
				}
			}
		}
		return fmt.Sprint(got) == fmt.Sprint(want) // the keys are printed in order
	})
	t.Want(ok, "the service leads to %v, want %v", got, want)
}
