//go:build linux

package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"containerd-shim-hcs/test/conform/script"
)

var deploymentCases = []Case{
	script.Long("deployment/rolls-out-and-scales", 3*time.Minute, deploymentScales),
	script.Long("deployment/rolling-update-and-rollback", 3*time.Minute, deploymentUpdate),
	script.Long("deployment/missing-image-leaves-the-old-pods", 2*time.Minute, deploymentNoImage),
	script.Long("deployment/deleted-pod-is-replaced", 2*time.Minute, deploymentReplaces),
	script.Long("deployment/stateful-set-in-order", 2*time.Minute, statefulSet),
	script.Long("deployment/daemon-set", 2*time.Minute, daemonSet),
}

func intOrPercent(n int) intstr.IntOrString { return intstr.FromInt(n) }

// probed is a pod as users have them: an init container, an exec probe, a token.
func (t *T) probed() corev1.PodSpec {
	c := t.host("main")
	c.ReadinessProbe = execProbe("exit", "0")
	s := t.spec(c)
	s.InitContainers = []corev1.Container{t.app("init", "print", "first")}
	s.AutomountServiceAccountToken = nil
	return s
}

func deploymentScales(t *T) {
	t.namespace()
	t.deployment("web", 3, t.probed())
	first := slices.Collect(maps.Keys(identities(t.podsOf("web"))))
	for _, n := range []int32{10, 1} {
		t.change("web", func(d *appsv1.Deployment) { d.Spec.Replicas = &n })
		t.rolledOut("web", n)
	}
	left := t.podsOf("web")
	t.Want(len(left) == 1 && isReady(&left[0]), "after the scaling there are %d pods", len(left))
	t.Want(slices.Contains(first, left[0].Name), "the oldest pods were not kept")
	p := &Pod{t: t, name: left[0].Name}
	p.exec("main", nil, words("print", "still here", "--", "exit", "4")...).gives(t, "still here\n", "", 4)
}

// deploymentUpdate changes the image's tag and back; there are never less pods than wanted.
func deploymentUpdate(t *T) {
	const replicas = 3
	t.deployment("web", replicas, t.probed())
	for _, tag := range []string{":2", ":1"} {
		t.change("web", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = t.o.image + tag })
		t.rolledOut("web", replicas)
		for _, pod := range t.podsOf("web") {
			s := of(&pod, "main")
			t.Want(strings.HasSuffix(s.Image, "winapp"+tag) && isReady(&pod) && s.RestartCount == 0,
				"after the update to %s: %s has %s", tag, describe(&pod), s.Image)
		}
	}
	sets, err := t.api.AppsV1().ReplicaSets(t.ns).List(t.Ctx, metav1.ListOptions{})
	t.Must(err, "list replica sets")
	t.Want(len(sets.Items) == 2, "%d replica sets, want 2: the old one is used again", len(sets.Items))
}

// deploymentNoImage: the update stands still, says why, and takes nothing away.
func deploymentNoImage(t *T) {
	const replicas = 2
	t.deployment("web", replicas, t.probed())
	before := identities(t.podsOf("web"))
	t.change("web", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = t.o.image + ":none" })
	t.podsBecome("web", "one more that waits for its image", func(pods []corev1.Pod) bool {
		return slices.ContainsFunc(pods, func(p corev1.Pod) bool {
			w := of(&p, "main").State.Waiting
			return w != nil && w.Reason == "ErrImageNeverPull"
		})
	})
	now := identities(t.podsOf("web"))
	for name, id := range before {
		t.Want(now[name] == id, "pod %s was %s and is %s", name, id, now[name])
	}
	t.change("web", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = t.o.image + ":1" })
	t.rolledOut("web", replicas)
	t.Want(maps.Equal(before, identities(t.podsOf("web"))), "the pods are others than before the update")
}

func deploymentReplaces(t *T) {
	t.deployment("web", 2, t.probed())
	old := t.podsOf("web")[0]
	(&Pod{t: t, name: old.Name}).askDelete(-1)
	t.podsBecome("web", "two without the deleted one", func(pods []corev1.Pod) bool {
		return allReady(2)(pods) && !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.UID == old.UID })
	})
}

// statefulSet: the second pod comes after the first is Ready; a deleted one comes back under its name.
func statefulSet(t *T) {
	n := int32(2)
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: appsv1.StatefulSetSpec{
		Replicas: &n, Selector: selector("db"), Template: template("db", t.probed()), ServiceName: "db",
	}}
	_, err := t.api.AppsV1().StatefulSets(t.namespace()).Create(t.Ctx, set, metav1.CreateOptions{})
	t.Must(err, "make a stateful set")
	pods := t.podsBecome("db", "two that are Ready", allReady(2))
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	t.Want(pods[0].Name == "db-0" && pods[1].Name == "db-1", "the pods are %s and %s", pods[0].Name, pods[1].Name)
	ready := condition(&pods[0], corev1.PodReady).LastTransitionTime.Time
	t.Want(!pods[1].CreationTimestamp.Time.Before(ready), "the second pod was made before the first was Ready")
	(&Pod{t: t, name: "db-0"}).askDelete(-1)
	t.podsBecome("db", "a new db-0", func(now []corev1.Pod) bool {
		return allReady(2)(now) && slices.ContainsFunc(now, func(p corev1.Pod) bool { return p.Name == "db-0" && p.UID != pods[0].UID })
	})
}

func daemonSet(t *T) {
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}, Spec: appsv1.DaemonSetSpec{
		Selector: selector("agent"), Template: template("agent", t.probed()),
	}}
	_, err := t.api.AppsV1().DaemonSets(t.namespace()).Create(t.Ctx, set, metav1.CreateOptions{})
	t.Must(err, "make a daemon set")
	pods := t.podsBecome("agent", "one that is Ready", allReady(1))
	t.Want(pods[0].Spec.NodeName == t.node, "it runs on %s", pods[0].Spec.NodeName)
}
