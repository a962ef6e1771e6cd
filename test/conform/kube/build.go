//go:build linux

package main

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const winapp = `C:\app\winapp.exe`

// words are the command line of the image's program.
func words(args ...string) []string { return append([]string{winapp}, args...) }

// app is a container of the image's program.
func (t *T) app(name string, args ...string) corev1.Container {
	return corev1.Container{
		Name: name, Image: t.o.image + ":1", ImagePullPolicy: corev1.PullNever, Command: words(args...),
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
}

// host is a container to exec in: it says "up" and waits, and ends at once when it is told to stop.
func (t *T) host(name string) corev1.Container { return t.app(name, "print", "up", "--", "trap") }

// agnhost is a container of Kubernetes' own test program.
func (t *T) agnhost(name string, args ...string) corev1.Container {
	return corev1.Container{
		Name: name, Image: t.o.agnhost, ImagePullPolicy: corev1.PullNever, Command: append([]string{"agnhost.exe"}, args...),
	}
}

// netexec is one that serves HTTP on that port of every address it has.
func (t *T) netexec(name string, port int) corev1.Container {
	return t.agnhost(name, "netexec", fmt.Sprintf("--http-port=%d", port), "--udp-port=-1")
}

// spec is that of a pod for the node, of the runtime class under test. Its grace period is short, because most programs here heed no
// stop event; it has no token, unless a case is about it.
func (t *T) spec(containers ...corev1.Container) corev1.PodSpec {
	class, grace, token := t.o.class, int64(2), false
	return corev1.PodSpec{
		RuntimeClassName: &class, Containers: containers, TerminationGracePeriodSeconds: &grace, AutomountServiceAccountToken: &token,
		NodeSelector: map[string]string{"kubernetes.io/os": "windows"}, OS: &corev1.PodOS{Name: corev1.Windows},
	}
}

// once is such a spec of a pod that is not started again.
func (t *T) once(containers ...corev1.Container) corev1.PodSpec {
	s := t.spec(containers...)
	s.RestartPolicy = corev1.RestartPolicyNever
	return s
}

// template is such a pod in a workload, found by the label app.
func template(app string, spec corev1.PodSpec) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels(app)}, Spec: spec}
}

func labels(app string) map[string]string { return map[string]string{"app": app} }

func selector(app string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: labels(app)}
}

// mount gives a container the volume at a path.
func mount(c corev1.Container, volume, path string, edit ...func(*corev1.VolumeMount)) corev1.Container {
	m := corev1.VolumeMount{Name: volume, MountPath: path}
	for _, e := range edit {
		e(&m)
	}
	c.VolumeMounts = append(append([]corev1.VolumeMount(nil), c.VolumeMounts...), m)
	return c
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

// execProbe runs the image's program in the container.
func execProbe(args ...string) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: words(args...)}},
		PeriodSeconds: 1, TimeoutSeconds: 5, FailureThreshold: 3,
	}
}

func httpProbe(path string, port int) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt(port)}},
		PeriodSeconds: 1, TimeoutSeconds: 5, FailureThreshold: 3,
	}
}

func tcpProbe(port int) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt(port)}},
		PeriodSeconds: 1, TimeoutSeconds: 5, FailureThreshold: 3,
	}
}

// amounts are resources: "cpu=500m memory=64Mi".
func amounts(text string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		list[corev1.ResourceName(name)] = resource.MustParse(value)
	}
	return list
}

func ptr[V any](v V) *V { return &v }
