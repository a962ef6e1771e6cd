//go:build linux

package main

import (
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/rig"
	"containerd-shim-hcs/test/conform/script"
)

const probesCase = "upheaval/probes-leave-nothing-in-the-shims"

var upheavalCases = []Case{
	script.Long("upheaval/thirty-pods-at-once", 5*time.Minute, upheavalMany),
	script.Long("upheaval/kubelet-restarted", 3*time.Minute, upheavalKubelet),
	script.Short("upheaval/containerd-restarted", 3*time.Minute, upheavalContainerd),
	script.Short("upheaval/shim-killed", 2*time.Minute, upheavalShim),
	script.Long(probesCase, 5*time.Minute, upheavalProbes), // and its probe-time
}

func upheavalMany(t *T) {
	const n = 30
	began := time.Now()
	t.deployment("many", n, t.probed())
	t.Say("%d pods were Ready after %.1f s", n, time.Since(began).Seconds())
	pods := t.podsOf("many")
	addresses := map[string]bool{}
	for _, p := range pods {
		addresses[p.Status.PodIP] = true
		t.Want(of(&p, "main").RestartCount == 0, "%s", describe(&p))
	}
	t.Want(len(addresses) == n, "%d pods have %d addresses", n, len(addresses))
	t.Each(n, func(i int) {
		p := &Pod{t: t, name: pods[i].Name}
		p.exec("main", nil, words("print", p.name, "--", "exit", fmt.Sprint(i))...).gives(t, p.name+"\n", "", i)
	})
}

// lively makes pods of every kind that a restart must not touch: probed ones, one with a volume, one that counts.
func (t *T) lively() []corev1.Pod {
	t.deployment("web", 3, t.probed())
	counting := t.app("main", "tick", "100000", "100ms")
	counting.LivenessProbe = execProbe("exit", "0")
	p := t.ready(t.spec(counting), func(pod *corev1.Pod) { pod.Labels = labels("web") })
	p.says("main", "5\n")
	return t.podsBecome("web", "four that are Ready", allReady(4))
}

// unmoved fails unless the pods are the ones from before, were never started again, and work.
func (t *T) unmoved(before []corev1.Pod) {
	was := identities(before)
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && t.Ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
		now := identities(t.podsOf("web"))
		t.Want(maps.Equal(was, now), "the pods were %v and are %v", was, now)
	}
	pods := t.podsBecome("web", "Ready as before", allReady(len(before)))
	for _, pod := range pods {
		p := &Pod{t: t, name: pod.Name}
		p.exec("main", nil, words("print", "still here", "--", "exit", "4")...).gives(t, "still here\n", "", 4)
	}
	t.works()
}

func (t *T) restart(program string) {
	out, err := t.rig.Run(t.Ctx, "restart", program)
	t.Must(err, "restart %s: %s", program, out)
	ok := t.Until(time.Minute, func() bool {
		for _, c := range t.theNode().Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	})
	t.Want(ok, "the node is not Ready after the restart of %s", program)
}

func upheavalKubelet(t *T) {
	pods := t.lively()
	t.restart("kubelet")
	t.unmoved(pods)
}

func upheavalContainerd(t *T) {
	pods := t.lively()
	t.restart("containerd")
	t.unmoved(pods)
	// The log has no hole.
	for _, pod := range t.podsOf("web") {
		p := &Pod{t: t, name: pod.Name}
		if pod.Spec.Containers[0].LivenessProbe == nil {
			continue
		}
		log := p.log(corev1.PodLogOptions{})
		n := strings.Count(log, "\n")
		t.Want(n > 20 && log == count(1, n), "the log of the one that counts has a hole: %d lines", n)
	}
}

// upheavalShim: the kubelet starts the pod again, in a new sandbox, and the old one leaves nothing.
func upheavalShim(t *T) {
	before, err := t.rig.Programs(shimExe(t.o.class))
	t.Must(err, "look for shims")
	p := t.ready(t.spec(t.host("main")))
	pod := p.get()
	shims := t.newShims(t.o.class, before)
	t.Want(len(shims) > 0, "the pod has no shim")
	for _, pid := range shims {
		t.Must(rig.Kill(pid), "kill the shim")
	}
	now := p.until("Ready with another container", func(now *corev1.Pod) bool {
		return isReady(now) && of(now, "main").ContainerID != of(pod, "main").ContainerID
	})
	t.Want(now.UID == pod.UID, "it is another pod")
	t.Want(of(now, "main").RestartCount >= 1, "the restart is not counted: %s", describe(now))
	// An exec finds the old container for as long as CRI believes in it. Its first try to clean up may meet the shim that is just going
	// ("ttrpc: closed"), and the next one comes after two seconds (containerd, internal/cri/server/events).
	var r result
	t.Until(20*time.Second, func() bool {
		r = p.exec("main", nil, words("print", "again", "--", "exit", "4")...)
		return r.err == nil
	})
	r.gives(t, "again\n", "", 4)
	t.ended(of(pod, "main").ContainerID)
}

// upheavalProbes: exec probes every second on many pods. Between the middle and the end of it, what a shim has must not grow; the first
// half fills what is filled once.
func upheavalProbes(t *T) {
	exe := shimExe(t.o.class)
	ok := t.Until(patience, func() bool {
		left, err := t.rig.Programs(exe)
		return err == nil && len(left) == 0
	})
	t.Want(ok, "shims of the cases before are still there")
	c := t.host("main")
	c.ReadinessProbe, c.LivenessProbe = execProbe("exit", "0"), execProbe("print", "alive")
	t.deployment("probed", int32(t.o.probePods), t.spec(c)) //nolint:gosec // a few
	look := func(when string) map[uint32][]node.Gauge {
		f, err := t.rig.Footprints(t.Ctx, exe)
		t.Must(err, "footprints of %s", exe)
		for _, line := range told(f) {
			t.Say("%-8s %s", when, line)
		}
		return f
	}
	rest := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-t.Ctx.Done():
			t.Fail("the time is over")
		}
	}
	start := look("start")
	t.Want(len(start) >= t.o.probePods, "there are %d shims for %d pods", len(start), t.o.probePods)
	rest(t.o.probeTime / 2)
	middle := look("middle")
	rest(t.o.probeTime / 2)
	end := look("end")
	grown := judge(middle, end)
	t.Want(len(grown) == 0, "from the middle to the end: %v", grown)
	for _, pod := range t.podsOf("probed") {
		t.Want(isReady(&pod) && of(&pod, "main").RestartCount == 0, "%s", describe(&pod))
	}
}
