//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"containerd-shim-hcs/test/conform/script"
)

var stopCases = []Case{
	script.Short("stop/event-is-handled", time.Minute, stopEvent),
	script.Short("stop/pre-stop-hook-and-its-output", 90*time.Second, stopHook),
	script.Long("stop/pre-stop-hook-by-http", 90*time.Second, stopHTTP),
	script.Long("stop/grace-is-honoured", time.Minute, stopGrace),
	script.Long("stop/grace-runs-out", time.Minute, stopRunsOut),
	script.Long("stop/hook-that-hangs-costs-the-grace-only", time.Minute, stopHookHangs),
	script.Long("stop/with-grace-0", time.Minute, stopAtOnce),
	script.Long("stop/all-containers-of-a-pod", time.Minute, stopAll),
}

func (t *T) graceful(seconds int64, containers ...corev1.Container) corev1.PodSpec {
	s := t.spec(containers...)
	s.TerminationGracePeriodSeconds = &seconds
	return s
}

// told waits for the end of a log that is followed and fails unless it is that.
func (p *Pod) told(log <-chan string, want string) {
	got := p.got(log)
	p.t.Want(got == want, "the log is %q at its end, want %q", got, want)
}

// ended waits until the machine has no process of the container.
func (t *T) ended(id string) {
	ok := t.Until(15*time.Second, func() bool { return processesOf(t.holdings(), id) == 0 })
	t.Want(ok, "%d processes of the container run on", processesOf(t.holdings(), id))
}

func stopEvent(t *T) {
	p := t.ready(t.graceful(30, t.app("main", "trap", "exit", "5")))
	p.says("main", "trapping")
	id := p.id("main")
	log := p.follow("main")
	took := p.delete(-1)
	p.told(log, "trapping\nCtrlShutdown\n")
	t.Want(took < 20*time.Second, "a program that ends at once took %v of its 30 s", took)
	t.ended(id)
}

// stopHook: the hook runs in the container before the program is told to stop, and what that writes meanwhile is in the log.
func stopHook(t *T) {
	dir, path := t.hostDir()
	c := mount(t.app("main", "trap", "after", "500ms"), "h", `C:\h`)
	c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{
		Command: words("append", `C:\h\story`, "hook", "begins", "--", "sleep", "2s", "--", "append", `C:\h\story`, "hook", "ends"),
	}}}
	s := t.graceful(30, c)
	s.Volumes = []corev1.Volume{hostPath("h", path, corev1.HostPathDirectory)}
	p := t.ready(s)
	p.says("main", "trapping")
	log := p.follow("main")
	p.askDelete(-1)
	ok := t.Until(20*time.Second, func() bool { b, _ := os.ReadFile(filepath.Join(dir, "story")); return string(b) == "hook begins\n" })
	t.Want(ok, "the hook does not begin")
	t.Want(p.log(corev1.PodLogOptions{}) == "trapping\n", "the program was told to stop before the hook had ended")
	p.told(log, "trapping\nCtrlShutdown\n")
	b, err := os.ReadFile(filepath.Join(dir, "story"))
	t.Want(err == nil && string(b) == "hook begins\nhook ends\n", "the hook wrote %q, %v", b, err)
	p.delete(-1)
}

// stopHTTP: agnhost writes down what it is asked, so the hook is seen in the log of the container.
func stopHTTP(t *T) {
	c := t.netexec("web", 8080)
	c.ReadinessProbe = httpProbe("/hostname", 8080)
	get := &corev1.HTTPGetAction{Path: "/echo?msg=farewell", Port: intstr.FromInt(8080)}
	c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{HTTPGet: get}}
	p := t.ready(t.graceful(10, c))
	log := p.follow("web")
	p.delete(-1)
	got := p.got(log)
	t.Want(strings.Contains(got, "/echo?msg=farewell"), "the log does not tell of the hook: %q", got)
}

func stopGrace(t *T) {
	p := t.ready(t.graceful(30, t.app("main", "trap", "after", "5s")))
	p.says("main", "trapping")
	log := p.follow("main")
	took := p.delete(-1)
	t.Want(took >= 5*time.Second && took < 25*time.Second, "a program that needs 5 s of its 30 s was gone after %v", took)
	p.told(log, "trapping\nCtrlShutdown\n")
}

func stopRunsOut(t *T) {
	p := t.ready(t.graceful(4, t.app("main", "ignore")))
	p.says("main", "ignoring")
	id := p.id("main")
	log := p.follow("main")
	took := p.delete(-1)
	t.Want(took >= 4*time.Second && took < 20*time.Second, "a program that does not stop, with 4 s, was gone after %v", took)
	t.Want(strings.HasPrefix(p.got(log), "ignoring\nignored CtrlShutdown\n"), "the program was not told")
	t.ended(id)
}

func stopHookHangs(t *T) {
	c := t.host("main")
	c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: words("sleep", "10m")}}}
	p := t.ready(t.graceful(3, c))
	id := p.id("main")
	took := p.delete(-1)
	t.Want(took >= 3*time.Second && took < 25*time.Second, "with a hook that hangs and 3 s it was gone after %v", took)
	t.ended(id)
}

func stopAtOnce(t *T) {
	p := t.ready(t.graceful(600, t.app("main", "ignore")))
	p.says("main", "ignoring")
	id := p.id("main")
	took := p.delete(0)
	t.Want(took < 10*time.Second, "it took %v", took)
	ok := t.Until(40*time.Second, func() bool { return processesOf(t.holdings(), id) == 0 })
	t.Want(ok, "its processes run on")
}

// stopAll: the grace period is the pod's: its containers use it side by side.
func stopAll(t *T) {
	var all []corev1.Container
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, t.app(name, "trap", "after", "4s"))
	}
	p := t.ready(t.graceful(30, all...))
	for _, c := range all {
		p.says(c.Name, "trapping")
	}
	took := p.delete(-1)
	t.Want(took >= 4*time.Second && took < 11*time.Second, "three containers that need 4 s each took %v", took)
}
