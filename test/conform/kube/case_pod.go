//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var podCases = []Case{
	script.Short("pod/init-containers-in-order", time.Minute, podInit),
	script.Long("pod/failing-init-keeps-the-others-away", time.Minute, podInitFails),
	script.Long("pod/failing-init-is-tried-again", 2*time.Minute, podInitAgain),
	script.Long("pod/sidecar-runs-beside-and-ends-after", 90*time.Second, podSidecar),
	script.Long("pod/two-containers-share-localhost", 90*time.Second, podLocalhost),
	script.Short("pod/downward-api", time.Minute, podDownward),
	script.Long("pod/environment-arguments-and-directory", time.Minute, podEnvironment),
	script.Long("pod/hostname", time.Minute, podHostname),
	script.Long("pod/termination-message", time.Minute, podTermination),
	script.Long("pod/program-of-the-image", time.Minute, podImage),
	script.Long("pod/missing-program-is-told", time.Minute, podNoProgram),
	script.Long("pod/missing-image-is-told", time.Minute, podNoImage),
	script.Long("pod/ephemeral-container", time.Minute, podEphemeral),
	script.Long("pod/active-deadline", time.Minute, podDeadline),
}

// podInit: each begins after the one before has ended, and leaves its files to the next.
func podInit(t *T) {
	main := mount(t.app("main", "type", `C:\v\a`, "--", "type", `C:\v\b`), "v", `C:\v`)
	s := t.once(main)
	s.Volumes = []corev1.Volume{emptyDir("v")}
	s.InitContainers = []corev1.Container{
		mount(t.app("one", "sleep", "500ms", "--", "write", `C:\v\a`, "from", "one"), "v", `C:\v`),
		mount(t.app("two", "type", `C:\v\a`, "--", "write", `C:\v\b`, "from", "two"), "v", `C:\v`),
	}
	p := t.pod(s)
	pod := p.ends(corev1.PodSucceeded)
	p.logs("main", "from one\nfrom two\n")
	p.logs("two", "from one\n")
	var last time.Time
	for _, name := range []string{"one", "two", "main"} {
		end := of(pod, name).State.Terminated
		t.Want(end != nil && end.ExitCode == 0 && end.Reason == "Completed", "%s: %s", name, describe(pod))
		t.Want(!end.StartedAt.Time.Before(last), "%s was started before the one before it had ended", name)
		last = end.FinishedAt.Time
	}
}

func podInitFails(t *T) {
	s := t.once(t.app("main", "print", "never"))
	s.InitContainers = []corev1.Container{t.app("one", "print", "cannot", "--", "exit", "9"), t.app("two", "print", "never")}
	p := t.pod(s)
	pod := p.ends(corev1.PodFailed)
	p.exited("one", 9)
	p.logs("one", "cannot\n")
	for _, name := range []string{"two", "main"} {
		t.Want(of(pod, name).ContainerID == "", "%s was made: %s", name, describe(pod))
	}
}

// podInitAgain: the init container fails until the node has a file, which comes after its first failure.
func podInitAgain(t *T) {
	dir, path := t.hostDir()
	s := t.spec(t.host("main"))
	s.InitContainers = []corev1.Container{mount(t.app("one", "type", `C:\h\go`), "h", `C:\h`)}
	s.Volumes = []corev1.Volume{hostPath("h", path, corev1.HostPathDirectory)}
	p := t.pod(s)
	p.until("tried again", func(pod *corev1.Pod) bool { return of(pod, "one").RestartCount >= 1 })
	t.Must(os.WriteFile(filepath.Join(dir, "go"), []byte("now\r\n"), 0o644), "write the file")
	pod := p.until("Ready", isReady)
	t.Want(of(pod, "one").State.Terminated.ExitCode == 0 && of(pod, "main").RestartCount == 0, "%s", describe(pod))
	p.logs("one", "now\n")
}

// hostDir makes a directory on the node for the case, and returns its path on this machine and on the node.
func (t *T) hostDir() (here, there string) {
	name := t.namespace()
	here = filepath.Join(t.o.rig, "prefix", "drive_c", "kube-cases", name)
	t.Must(os.MkdirAll(here, 0o755), "make a directory of the node")
	t.Later(func(context.Context) error { return os.RemoveAll(here) })
	return here, `C:\kube-cases\` + name
}

func hostPath(name, path string, kind corev1.HostPathType) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}}}
}

// podSidecar: an init container that is always restarted is there before the main one and still there when that ends; then it is told to
// stop, and the pod has succeeded.
func podSidecar(t *T) {
	always := corev1.ContainerRestartPolicyAlways
	side := mount(t.app("side", "write", `C:\v\side`, "is there", "--", "trap", "exit", "0"), "v", `C:\v`)
	side.RestartPolicy = &always
	side.StartupProbe = execProbe("type", `C:\v\side`)
	s := t.once(mount(t.app("main", "type", `C:\v\side`, "--", "sleep", "2s"), "v", `C:\v`))
	s.InitContainers, s.Volumes = []corev1.Container{side}, []corev1.Volume{emptyDir("v")}
	s.TerminationGracePeriodSeconds = ptr(int64(20))
	p := t.pod(s)
	p.until("running with its sidecar", func(pod *corev1.Pod) bool {
		return of(pod, "side").State.Running != nil && of(pod, "main").State.Running != nil
	})
	pod := p.ends(corev1.PodSucceeded)
	p.logs("main", "is there\n")
	end := of(pod, "side").State.Terminated
	t.Want(end != nil && end.ExitCode == 0, "the sidecar: %s", describe(pod))
	t.Want(!end.FinishedAt.Time.Before(of(pod, "main").State.Terminated.FinishedAt.Time), "the sidecar ended before the main container")
	p.logs("side", "trapping\nCtrlShutdown\n")
}

func podLocalhost(t *T) {
	p := t.ready(t.spec(t.netexec("web", 8080), t.agnhost("other", "pause")))
	ok := t.Until(30*time.Second, func() bool {
		r := p.exec("other", nil, "agnhost.exe", "connect", "localhost:8080", "--timeout=5s")
		return r.err == nil && r.code == 0
	})
	t.Want(ok, "localhost:8080 of the pod does not answer")
	r := p.exec("other", nil, "agnhost.exe", "connect", "localhost:8099", "--timeout=5s")
	t.Want(r.err == nil && r.code != 0 && strings.Contains(r.bad+r.out, "refused"), "a port that nobody serves: %+v", r)
}

func podDownward(t *T) {
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	c := t.host("main")
	c.Env = []corev1.EnvVar{
		{Name: "MY_NAME", ValueFrom: field("metadata.name")}, {Name: "MY_NS", ValueFrom: field("metadata.namespace")},
		{Name: "MY_NODE", ValueFrom: field("spec.nodeName")}, {Name: "MY_IP", ValueFrom: field("status.podIP")},
		{Name: "MY_LIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory"}}},
	}
	c.Resources.Limits = amounts("memory=256Mi")
	c = mount(c, "info", `C:\info`)
	s := t.spec(c)
	source := &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
		{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
		{Path: "deep/name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}},
	}}
	s.Volumes = []corev1.Volume{{Name: "info", VolumeSource: corev1.VolumeSource{DownwardAPI: source}}}
	p := t.ready(s, func(pod *corev1.Pod) { pod.Labels = map[string]string{"colour": "green"} })
	want := strings.Join([]string{p.name, t.ns, t.node, p.get().Status.PodIP, fmt.Sprint(256 << 20)}, "\n") + "\n"
	p.exec("main", nil, words("env", "MY_NAME", "MY_NS", "MY_NODE", "MY_IP", "MY_LIMIT")...).gives(t, want, "", 0)
	p.exec("main", nil, words("type", `C:\info\labels`)...).gives(t, `colour="green"`, "", 0)
	p.exec("main", nil, words("type", `C:\info\deep\name`)...).gives(t, p.name, "", 0)
}

func podEnvironment(t *T) {
	c := t.app("main")
	c.Command = []string{winapp, "pwd", "--"}
	c.Args = []string{"env", "A", "B", "C", "--", "print", "$(A)", "$$(A)", "$(NONE)", `two words`, `quote"d`}
	c.Env = []corev1.EnvVar{{Name: "A", Value: "first"}, {Name: "B", Value: "$(A) and more"}, {Name: "C", Value: "ünïcode €"}}
	c.WorkingDir = `C:\Windows`
	p := t.pod(t.once(c))
	p.ends(corev1.PodSucceeded)
	p.logs("main", "C:\\Windows\nfirst\nfirst and more\nünïcode €\nfirst $(A) $(NONE) two words quote\"d\n")
}

// podHostname: a program of another hand asks Windows for it, ours its environment.
func podHostname(t *T) {
	p := t.ready(t.spec(t.host("main"), t.netexec("web", 8080)))
	r := p.exec("main", nil, words("hostname")...)
	t.Want(r.err == nil && r.code == 0 && strings.EqualFold(strings.TrimSpace(r.out), p.name),
		"the name of the host is %+v, the pod's is %s", r, p.name)
	ok := t.Until(20*time.Second, func() bool {
		name, err := p.fetch("8080", "/hostname")
		return err == nil && strings.EqualFold(name, p.name)
	})
	name, err := p.fetch("8080", "/hostname")
	t.Want(ok, "agnhost has the name %q, the pod's is %s; %v", name, p.name, err)
}

func podTermination(t *T) {
	message := t.app("written", "write", `C:\dev\termination-log`, "said", "at", "last", "--", "exit", "3")
	logged := t.app("logged", "print", "only logged", "--", "exit", "4")
	logged.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	other := t.app("elsewhere", "write", `C:\end\why`, "elsewhere", "--", "exit", "5")
	other.TerminationMessagePath = `C:\end\why`
	p := t.pod(t.once(message, logged, other))
	p.ends(corev1.PodFailed)
	for _, x := range []struct {
		name, want string
		code       int32
	}{{"written", "said at last", 3}, {"logged", "only logged", 4}, {"elsewhere", "elsewhere", 5}} {
		got := p.exited(x.name, x.code).Message
		t.Want(strings.TrimSpace(got) == x.want, "the message of %s is %q, want %q", x.name, got, x.want)
	}
}

func podImage(t *T) {
	c := t.app("main")
	c.Command = nil
	p := t.pod(t.once(c))
	p.ends(corev1.PodSucceeded)
	p.logs("main", "hello from winapp\n")
}

func podNoProgram(t *T) {
	bad := t.app("bad")
	bad.Command = []string{`C:\no\such\program.exe`}
	p := t.pod(t.once(bad, t.app("good", "print", "runs", "--", "exit", "0")))
	pod := p.ends(corev1.PodFailed)
	p.logs("good", "runs\n")
	end := of(pod, "bad").State.Terminated
	t.Want(end != nil && end.ExitCode != 0 && end.Reason == "StartError" && strings.Contains(end.Message, "program.exe"), "%s", describe(pod))
}

func podNoImage(t *T) {
	bad := t.app("bad", "print", "x")
	bad.Image = t.o.image + ":none"
	p := t.pod(t.spec(bad, t.host("good")))
	pod := p.until("waiting for the image", func(pod *corev1.Pod) bool {
		w := of(pod, "bad").State.Waiting
		return w != nil && w.Reason == "ErrImageNeverPull" && of(pod, "good").State.Running != nil
	})
	t.Want(strings.Contains(of(pod, "bad").State.Waiting.Message, "none"), "%s", describe(pod))
	p.says("good", "up")
}

// podEphemeral: what `kubectl debug` adds to a running pod.
func podEphemeral(t *T) {
	p := t.ready(t.spec(t.host("main")))
	id := p.id("main")
	pod := p.get()
	c := t.app("debug", "print", "looks", "--", "exit", "6")
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: c.Name, Image: c.Image, ImagePullPolicy: c.ImagePullPolicy, Command: c.Command,
	}}}
	_, err := t.api.CoreV1().Pods(t.ns).UpdateEphemeralContainers(t.Ctx, p.name, pod, metav1.UpdateOptions{})
	t.Must(err, "add an ephemeral container")
	p.exited("debug", 6)
	p.logs("debug", "looks\n")
	pod = p.get()
	t.Want(isReady(pod) && of(pod, "main").ContainerID == id, "the pod is %s", describe(pod))
}

func podDeadline(t *T) {
	s := t.once(t.host("main"))
	s.ActiveDeadlineSeconds = ptr(int64(4))
	p := t.ready(s)
	id := p.id("main")
	pod := p.ends(corev1.PodFailed)
	t.Want(pod.Status.Reason == "DeadlineExceeded", "the reason is %q: %s", pod.Status.Reason, describe(pod))
	ok := t.Until(20*time.Second, func() bool { return processesOf(t.holdings(), id) == 0 })
	t.Want(ok, "its processes run on")
	t.Want(!slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.State.Running != nil }),
		"%s", describe(pod))
}
