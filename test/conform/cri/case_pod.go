package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"containerd-shim-hcs/test/conform/node"
)

var podCases = []Case{
	{Name: "pod/runs-and-goes", Run: podRuns},
	{Name: "pod/status-says-what-was-asked", Run: podStatus},
	{Name: "pod/list-by-id-state-and-label", Run: podList},
	{Name: "pod/stop-and-remove-twice-does-no-harm", Run: podTwice},
	{Name: "pod/remove-with-running-containers", Run: podRemoveRunning},
	{Name: "pod/stop-ends-its-containers", Run: podStopEnds},
	{Name: "pod/two-containers-and-one-exits", Run: podTwo},
	{Name: "pod/container-runs-again", Run: podAgain},
	{Name: "pod/no-container-after-stop", Run: podAfterStop},
	{Name: "pod/failed-container-does-no-harm", Run: podFailedContainer},
	{Name: "pod/one-shim-for-all-of-it", Run: podOneShim},
	{Name: "pod/goes-when-its-shim-dies", Run: podShimDies},
}

// podRuns is the whole life of a pod with one container.
func podRuns(t *T) {
	p := t.pod()
	p.is(podReady)
	c := p.run("print", "hello", "--", "err", "oops", "--", "exit", "7")
	c.ends(7)
	c.logs("hello\n", "oops\n")
	p.is(podReady) // a container's end is not the pod's
	c.remove()
	p.stop()
	p.is(podNotReady)
	p.remove()
}

func podStatus(t *T) {
	before := time.Now()
	p := t.pod(func(c *runtime.PodSandboxConfig) {
		c.Metadata.Attempt = 4
		c.Labels["app"] = "web"
		c.Annotations = map[string]string{"example.com/note": "with space"}
	})
	p.is(podReady)
	s := p.status()
	t.Want(s.Id == p.id && s.RuntimeHandler == t.o.handler, "id %q, handler %q", s.Id, s.RuntimeHandler)
	m, want := s.Metadata, p.config.Metadata
	t.Want(m.Name == want.Name && m.Uid == want.Uid && m.Namespace == want.Namespace && m.Attempt == 4, "metadata %v, want %v", m, want)
	t.Want(s.Labels["app"] == "web" && s.Labels["run"] == t.runID, "labels %v", s.Labels)
	t.Want(s.Annotations["example.com/note"] == "with space", "annotations %v", s.Annotations)
	at := time.Unix(0, s.CreatedAt)
	t.Want(at.After(before.Add(-time.Second)) && at.Before(time.Now().Add(time.Second)), "created at %v, asked at %v", at, before)
	p.works()
}

// podList: the filters choose this pod, and none other of this run.
func podList(t *T) {
	p := t.pod(func(c *runtime.PodSandboxConfig) { c.Labels["color"] = "green" })
	other := t.pod(func(c *runtime.PodSandboxConfig) { c.Labels["color"] = "red" })
	p.is(podReady)
	list := func(f *runtime.PodSandboxFilter) []string {
		r, err := t.cri.ListPodSandbox(t.Ctx, &runtime.ListPodSandboxRequest{Filter: f})
		t.Must(err, "list pods")
		var ids []string
		for _, s := range r.Items {
			ids = append(ids, s.Id)
		}
		return ids
	}
	for what, f := range map[string]*runtime.PodSandboxFilter{
		"id":    {Id: p.id},
		"label": {LabelSelector: map[string]string{"color": "green", "run": t.runID}},
		"state": {LabelSelector: map[string]string{"color": "green", "run": t.runID}, State: &runtime.PodSandboxStateValue{State: podReady}},
	} {
		got := list(f)
		t.Want(slices.Equal(got, []string{p.id}), "pods by %s: %v, want %v", what, got, p.id)
	}
	got := list(&runtime.PodSandboxFilter{Id: p.id, State: &runtime.PodSandboxStateValue{State: podNotReady}})
	t.Want(len(got) == 0, "a ready pod is listed as one that is not")
	got = list(nil)
	t.Want(slices.Contains(got, p.id) && slices.Contains(got, other.id), "all pods: %v, want %v and %v among them", got, p.id, other.id)
	p.works()
}

func podTwice(t *T) {
	p := t.pod()
	p.works()
	p.stop()
	p.stop()
	p.is(podNotReady)
	p.remove()
	p.remove()
	p.stop()
}

// podRemoveRunning: what runs is ended and goes with the pod.
func podRemoveRunning(t *T) {
	before := t.holdings()
	p := t.pod()
	a, b := p.host(), p.host()
	now := t.holdings()
	t.Want(now.Running[a.id] > 0 && now.Running[b.id] > 0, "the machine runs %v", now.Processes)
	p.remove()
	left := t.machine.Settle(before, 5*time.Second)
	t.Want(left == "", "%s", left)
	for _, c := range []*Container{a, b} {
		_, err := t.cri.ContainerStatus(t.Ctx, &runtime.ContainerStatusRequest{ContainerId: c.id})
		t.Want(err != nil, "container %s is still there", c.id)
	}
}

// podStopEnds: the containers of a stopped pod have exited, and can be asked until they are removed.
func podStopEnds(t *T) {
	p := t.pod()
	c := p.host()
	p.stop()
	s := c.status()
	t.Want(s.State == exited, "container of a stopped pod is %v", s.State)
	t.Want(t.holdings().Running[c.id] == 0, "its processes run on")
	c.logs("up\n", "")
	c.remove()
}

func podTwo(t *T) {
	p := t.pod()
	a, b := p.host(), p.run("print", "short", "--", "exit", "4")
	b.ends(4)
	b.logs("short\n", "")
	b.remove()
	p.is(podReady)
	t.Want(a.status().State == running, "the other container is %v", a.status().State)
	a.execs("print", "still here").gives("still here\n", "", 0)
	c := p.run("print", "third", "--", "exit", "5")
	c.ends(5)
	c.logs("third\n", "")
}

// podAgain is how the kubelet restarts a container: another one of the same name, one attempt on.
func podAgain(t *T) {
	p := t.pod()
	again := func(attempt uint32) func(*runtime.ContainerConfig) {
		return func(c *runtime.ContainerConfig) {
			c.Metadata = &runtime.ContainerMetadata{Name: "app", Attempt: attempt}
			c.LogPath = fmt.Sprintf("app-%d.log", attempt)
		}
	}
	var old *Container
	for attempt := range uint32(3) {
		c := p.runWith(app("print", fmt.Sprint("attempt ", attempt), "--", "exit", fmt.Sprint(attempt+10)), again(attempt))
		s := c.ends(int32(attempt) + 10)
		t.Want(s.Metadata.Attempt == attempt, "attempt %d, want %d", s.Metadata.Attempt, attempt)
		c.logs(fmt.Sprintf("attempt %d\n", attempt), "")
		if old != nil {
			t.Want(old.status().ExitCode == int32(attempt)+9, "the attempt before is told with exit code %d", old.status().ExitCode)
			old.remove()
		}
		old = c
	}
	p.is(podReady)
}

func podAfterStop(t *T) {
	p := t.pod()
	p.works()
	p.stop()
	c, err := p.tryContainer(p.containerConfig(app("print", "x")))
	if err == nil {
		err = c.tryStart()
	}
	t.Want(err != nil, "a container runs in a stopped pod")
}

// podFailedContainer: a container that cannot run is an error, and the pod and its other containers are as before.
func podFailedContainer(t *T) {
	p := t.pod()
	a := p.host()
	bad := p.container([]string{`C:\no\such\program.exe`})
	err := bad.tryStart()
	t.Want(err != nil, "a program that is not there was started")
	s := bad.is(exited)
	t.Want(s.ExitCode != 0 && s.Reason != "Completed", "exit code %d, reason %q", s.ExitCode, s.Reason)
	bad.remove()
	p.is(podReady)
	a.execs("print", "still here").gives("still here\n", "", 0)
	p.works()
}

// shims is how many shims of the handler's runtime run.
func (t *T) shims() []node.Program {
	list, err := node.ProgramsNamed(t.shimExe())
	t.Must(err, "list of programs")
	return list
}

// podOneShim: there is one process for a pod, however many containers it has.
func podOneShim(t *T) {
	before := len(t.shims())
	p := t.pod()
	one := len(t.shims()) - before
	p.host()
	p.host()
	c := p.run("print", "x", "--", "exit", "3")
	c.ends(3)
	now := len(t.shims()) - before
	t.Want(one == 1 && now == 1, "%d shims for the pod, %d with three containers", one, now)
	c.remove()
	t.Want(len(t.shims()) == before+1, "%d shims after one container is gone", len(t.shims())-before)
	p.stop()
	p.remove()
	ok := t.Until(10*time.Second, func() bool { return len(t.shims()) == before })
	t.Want(ok, "%d shims are left", len(t.shims())-before)
}

// podShimDies: the containers are told as exited and the pod as not ready, and all of it can be removed. That nothing stays at the
// machine is asked after every case.
func podShimDies(t *T) {
	before := t.shims()
	p := t.pod()
	c := p.host()
	var own []node.Program
	for _, s := range t.shims() {
		if !slices.ContainsFunc(before, func(o node.Program) bool { return o.PID == s.PID }) {
			own = append(own, s)
		}
	}
	t.Want(len(own) > 0, "there is no shim")
	for _, s := range own {
		t.Must(s.Kill(), "kill shim %d", s.PID)
	}
	s := c.is(exited)
	t.Want(s.ExitCode != 0, "exit code %d", s.ExitCode)
	p.is(podNotReady)
	t.Want(strings.Contains(join(c.log(), "stdout"), "up\n"), "the log is lost")
	c.remove()
	p.stop()
	p.remove()
	t.Want(t.holdings().Running[c.id] == 0, "its processes run on")
	t.pod().works()
}
