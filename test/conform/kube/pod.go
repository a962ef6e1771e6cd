//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/rig"
)

// Pod is one of the case's namespace.
type Pod struct {
	t    *T
	name string
}

// namespace makes the case's own and returns its name. It is there with what the controller manager puts into each; it is deleted after
// the case.
func (t *T) namespace() string {
	if t.ns != "" {
		return t.ns
	}
	name := t.ID()
	_, err := t.api.CoreV1().Namespaces().Create(t.Ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	t.Must(err, "make namespace %s", name)
	t.ns = name
	t.Later(func(ctx context.Context) error { return t.dropNamespace(ctx, name) })
	ok := t.Until(30*time.Second, func() bool {
		_, err := t.api.CoreV1().ServiceAccounts(name).Get(t.Ctx, "default", metav1.GetOptions{})
		if err == nil {
			_, err = t.api.CoreV1().ConfigMaps(name).Get(t.Ctx, "kube-root-ca.crt", metav1.GetOptions{})
		}
		return err == nil
	})
	t.Want(ok, "namespace %s has no service account", name)
	return name
}

// dropNamespace deletes it and returns when none of its pods is left, or says what is. Nothing new can be made in it from then on; the
// controller that removes the rest lets five seconds pass first (k8s.io/kubernetes/pkg/controller/namespace, namespaceDeletionGracePeriod),
// for which nobody has to wait.
func (t *T) dropNamespace(ctx context.Context, name string) error {
	if err := t.api.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !kerrors.IsNotFound(err) {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	pods := t.api.CoreV1().Pods(name)
	if err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("pods of namespace %s: %w", name, err)
	}
	for {
		list, err := pods.List(ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("namespace %s still has pods: %s", name, t.remains(name))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// remains tells of the pods of a namespace that does not go.
func (t *T) remains(namespace string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	pods, err := t.api.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var all []string
	for i := range pods.Items {
		all = append(all, describe(&pods.Items[i]))
	}
	return strings.Join(all, "; ")
}

// pod makes one and does not wait for it.
func (t *T) pod(spec corev1.PodSpec, edits ...func(*corev1.Pod)) *Pod {
	p, err := t.tryPod(spec, edits...)
	t.Must(err, "make a pod")
	return p
}

func (t *T) tryPod(spec corev1.PodSpec, edits ...func(*corev1.Pod)) (*Pod, error) {
	ns, id := t.namespace(), t.ID()
	name := "pod" + id[strings.LastIndex(id, "-"):]
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	for _, e := range edits {
		e(pod)
	}
	made, err := t.api.CoreV1().Pods(ns).Create(t.Ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return &Pod{t: t, name: made.Name}, nil
}

// ready makes one and waits until it is Ready.
func (t *T) ready(spec corev1.PodSpec, edits ...func(*corev1.Pod)) *Pod {
	p := t.pod(spec, edits...)
	p.until("Ready", isReady)
	return p
}

// works fails unless a pod can run a program to its end, with its output and exit code.
func (t *T) works() {
	p := t.pod(t.once(t.app("main", "print", "works", "--", "exit", "3")))
	p.ends(corev1.PodFailed)
	p.exited("main", 3)
	p.logs("main", "works\n")
	p.delete(0)
}

func (p *Pod) get() *corev1.Pod {
	pod, err := p.t.api.CoreV1().Pods(p.t.ns).Get(p.t.Ctx, p.name, metav1.GetOptions{})
	p.t.Must(err, "get pod %s", p.name)
	return pod
}

// until waits for the pod to be so, for as long as the case may take, and then says how it is.
func (p *Pod) until(what string, is func(*corev1.Pod) bool) *corev1.Pod {
	for {
		pod, err := p.t.api.CoreV1().Pods(p.t.ns).Get(p.t.Ctx, p.name, metav1.GetOptions{})
		if err == nil && is(pod) {
			return pod
		}
		if err != nil && p.t.Ctx.Err() == nil && !kerrors.IsServerTimeout(err) {
			p.t.Fail("pod %s, until it is %s: %v", p.name, what, err)
		}
		select {
		case <-p.t.Ctx.Done():
			p.t.Fail("pod %s does not become %s: %s", p.name, what, p.last())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// last describes the pod when the case's time is over.
func (p *Pod) last() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	pod, err := p.t.api.CoreV1().Pods(p.t.ns).Get(ctx, p.name, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	text := describe(pod)
	events, err := p.t.api.CoreV1().Events(p.t.ns).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.name=" + p.name})
	if err == nil && len(events.Items) > 0 {
		text += "; " + rig.Tail(events.Items[len(events.Items)-1].Message)
	}
	return text
}

// describe says what a pod is at.
func describe(pod *corev1.Pod) string {
	all := []string{pod.Name + " " + string(pod.Status.Phase) + " " + pod.Status.Reason + pod.Status.Message}
	if pod.DeletionTimestamp != nil {
		all = append(all, "being deleted")
	}
	for _, s := range append(append([]corev1.ContainerStatus(nil), pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...) {
		switch st := s.State; {
		case st.Waiting != nil:
			all = append(all, fmt.Sprintf("%s waits: %s %s", s.Name, st.Waiting.Reason, rig.Tail(st.Waiting.Message)))
		case st.Terminated != nil:
			all = append(all, fmt.Sprintf("%s ended: %s %d %s", s.Name, st.Terminated.Reason, st.Terminated.ExitCode, rig.Tail(st.Terminated.Message)))
		case st.Running != nil:
			all = append(all, fmt.Sprintf("%s runs, ready %v, %d restarts", s.Name, s.Ready, s.RestartCount))
		}
	}
	return strings.Join(all, ", ")
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// condition is one of the pod's, or an empty one.
func condition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}

// of is the status of a container, of whatever kind it is.
func of(pod *corev1.Pod, name string) corev1.ContainerStatus {
	st := pod.Status
	for _, list := range [][]corev1.ContainerStatus{st.InitContainerStatuses, st.ContainerStatuses, st.EphemeralContainerStatuses} {
		for _, s := range list {
			if s.Name == name {
				return s
			}
		}
	}
	return corev1.ContainerStatus{}
}

// ends waits until the pod has come to the phase.
func (p *Pod) ends(phase corev1.PodPhase) *corev1.Pod {
	pod := p.until(string(phase), func(pod *corev1.Pod) bool {
		return pod.Status.Phase == phase || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	})
	p.t.Want(pod.Status.Phase == phase, "the pod ended as %s, want %s: %s", pod.Status.Phase, phase, describe(pod))
	return pod
}

// exited waits until the container has ended and fails unless it did with that code, and with the reason that belongs to it.
func (p *Pod) exited(container string, code int32) *corev1.ContainerStateTerminated {
	pod := p.until(container+" ended", func(pod *corev1.Pod) bool { return of(pod, container).State.Terminated != nil })
	s := of(pod, container).State.Terminated
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	p.t.Want(s.ExitCode == code && s.Reason == reason, "%s ended with %d %s, want %d %s", container, s.ExitCode, s.Reason, code, reason)
	return s
}

// restarted waits until the container has been started again that often, and runs.
func (p *Pod) restarted(container string, times int32) *corev1.Pod {
	return p.until(fmt.Sprintf("restarted %d times", times), func(pod *corev1.Pod) bool {
		s := of(pod, container)
		return s.RestartCount >= times && s.State.Running != nil
	})
}

// id is the container's at CRI.
func (p *Pod) id(container string) string {
	id := of(p.get(), container).ContainerID
	p.t.Want(id != "", "container %s has no id", container)
	return id
}

// log is the container's, as the API server gives it.
func (p *Pod) log(o corev1.PodLogOptions) string {
	text, err := p.tryLog(p.t.Ctx, o)
	p.t.Must(err, "log of %s in %s", o.Container, p.name)
	return text
}

func (p *Pod) tryLog(ctx context.Context, o corev1.PodLogOptions) (string, error) {
	r, err := p.t.api.CoreV1().Pods(p.t.ns).GetLogs(p.name, &o).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return strings.ReplaceAll(string(b), "\r\n", "\n"), err
}

// logs waits until the log is that.
func (p *Pod) logs(container, want string) {
	var got string
	ok := p.t.Until(20*time.Second, func() bool {
		got = p.log(corev1.PodLogOptions{Container: container})
		return got == want
	})
	p.t.Want(ok, "the log of %s is %q, want %q", container, got, want)
}

// says waits until the log has the text in it.
func (p *Pod) says(container, text string) {
	var got string
	var err error
	ok := p.t.Until(time.Minute, func() bool {
		got, err = p.tryLog(p.t.Ctx, corev1.PodLogOptions{Container: container}) // it has none before it starts
		return err == nil && strings.Contains(got, text)
	})
	p.t.Want(ok, "the log of %s is %q, without %q; %v", container, got, text, err)
}

// follow reads the log to its end beside the case; the channel gets all of it.
func (p *Pod) follow(container string) <-chan string {
	done := make(chan string, 1)
	r, err := p.t.api.CoreV1().Pods(p.t.ns).GetLogs(p.name, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(p.t.Ctx)
	p.t.Must(err, "follow the log of %s", container)
	go func() {
		defer r.Close()
		b, _ := io.ReadAll(r) // an error is a log that is cut
		done <- strings.ReplaceAll(string(b), "\r\n", "\n")
	}()
	return done
}

// got waits for what follow reads.
func (p *Pod) got(done <-chan string) string {
	select {
	case s := <-done:
		// The kubelet asks for the container again before it ends the log, and writes into it that this has been removed meanwhile.
		s, _, _ = strings.Cut(s, "rpc error: code = NotFound desc = an error occurred when try to find container")
		return s
	case <-p.t.Ctx.Done():
		p.t.Fail("the log of %s that is followed does not end", p.name)
		return ""
	}
}

// delete asks for the pod to go, with that grace period, or its own when that is negative, and waits until it is gone.
func (p *Pod) delete(grace int64) time.Duration {
	began := time.Now()
	p.askDelete(grace)
	for {
		_, err := p.t.api.CoreV1().Pods(p.t.ns).Get(p.t.Ctx, p.name, metav1.GetOptions{})
		if kerrors.IsNotFound(err) {
			return time.Since(began)
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			p.t.Fail("deleted pod %s: %v", p.name, err)
		}
		select {
		case <-p.t.Ctx.Done():
			p.t.Fail("pod %s is not deleted: %s", p.name, p.last())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *Pod) askDelete(grace int64) {
	o := metav1.DeleteOptions{}
	if grace >= 0 {
		o.GracePeriodSeconds = &grace
	}
	if err := p.t.api.CoreV1().Pods(p.t.ns).Delete(p.t.Ctx, p.name, o); !kerrors.IsNotFound(err) { // it was asked before
		p.t.Must(err, "delete pod %s", p.name)
	}
}

// event waits for one about the pod that has that reason and the text in its message. One that comes right after another may never come: see
// probeLiveness.
func (p *Pod) event(reason, text string) string {
	for {
		events, err := p.t.api.CoreV1().Events(p.t.ns).List(p.t.Ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + p.name})
		if err == nil {
			for _, e := range events.Items {
				if e.Reason == reason && strings.Contains(e.Message, text) {
					return e.Message
				}
			}
		}
		select {
		case <-p.t.Ctx.Done():
			p.t.Fail("there is no event %s about %s with %q in it: %s", reason, p.name, text, p.last())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
