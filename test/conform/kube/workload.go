//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// deployment makes one and waits until its pods are there.
func (t *T) deployment(name string, replicas int32, spec corev1.PodSpec) {
	t.deploy(name, replicas, spec)
	t.rolledOut(name, replicas)
}

// deploy makes one that never has less pods than it wants.
func (t *T) deploy(name string, replicas int32, spec corev1.PodSpec) {
	none := intOrPercent(0)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: selector(name), Template: template(name, spec),
		Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &none}},
	}}
	_, err := t.api.AppsV1().Deployments(t.namespace()).Create(t.Ctx, d, metav1.CreateOptions{})
	t.Must(err, "make deployment %s", name)
}

// change edits a deployment.
func (t *T) change(name string, edit func(*appsv1.Deployment)) {
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d, err := t.api.AppsV1().Deployments(t.ns).Get(t.Ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		edit(d)
		_, err = t.api.AppsV1().Deployments(t.ns).Update(t.Ctx, d, metav1.UpdateOptions{})
		return err
	})
	t.Must(err, "change deployment %s", name)
}

// rolledOut waits until the deployment is what it shall be: `kubectl rollout status` looks at the same. Its old pods are gone then.
func (t *T) rolledOut(name string, replicas int32) {
	var last appsv1.DeploymentStatus
	for {
		d, err := t.api.AppsV1().Deployments(t.ns).Get(t.Ctx, name, metav1.GetOptions{})
		var pods []corev1.Pod
		if err == nil {
			pods, err = t.tryPodsOf(name)
		}
		if err == nil {
			last = d.Status
			if last.ObservedGeneration >= d.Generation && last.UpdatedReplicas == replicas && last.Replicas == replicas &&
				last.AvailableReplicas == replicas && len(pods) == int(replicas) {
				return
			}
		}
		select {
		case <-t.Ctx.Done():
			t.Fail("deployment %s has %d pods, %d of them new, %d available, %d wanted: %s", name, last.Replicas,
				last.UpdatedReplicas, last.AvailableReplicas, replicas, t.remains(t.ns))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// podsOf lists the pods with the label, those too that are being deleted.
func (t *T) podsOf(app string) []corev1.Pod {
	pods, err := t.tryPodsOf(app)
	t.Must(err, "list pods of %s", app)
	return pods
}

func (t *T) tryPodsOf(app string) ([]corev1.Pod, error) {
	pods, err := t.api.CoreV1().Pods(t.ns).List(t.Ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		return nil, err
	}
	return pods.Items, nil
}

// podsBecome waits until the pods with the label are so.
func (t *T) podsBecome(app, what string, so func([]corev1.Pod) bool) []corev1.Pod {
	for {
		if pods, err := t.tryPodsOf(app); err == nil && so(pods) {
			return pods
		}
		select {
		case <-t.Ctx.Done():
			t.Fail("the pods of %s do not become %s: %s", app, what, t.remains(t.ns))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// allReady reports whether there are n pods and all are Ready.
func allReady(n int) func([]corev1.Pod) bool {
	return func(pods []corev1.Pod) bool {
		for i := range pods {
			if !isReady(&pods[i]) || pods[i].DeletionTimestamp != nil {
				return false
			}
		}
		return len(pods) == n
	}
}

// identities tell whether pods are the same ones, with the same containers that were never started again.
func identities(pods []corev1.Pod) map[string]string {
	m := map[string]string{}
	for _, p := range pods {
		var all []string
		for _, s := range p.Status.ContainerStatuses {
			all = append(all, fmt.Sprintf("%s %s %d", s.Name, s.ContainerID, s.RestartCount))
		}
		m[p.Name] = string(p.UID) + " " + strings.Join(all, ", ")
	}
	return m
}
