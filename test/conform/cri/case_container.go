package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var containerCases = []Case{
	{Name: "container/states-and-times", Run: containerStates},
	{Name: "container/exit-codes-and-reasons", Run: containerCodes},
	{Name: "container/list-by-pod-state-and-label", Run: containerList},
	{Name: "container/labels-and-annotations-come-back", Run: containerLabels},
	{Name: "container/image-defaults", Run: containerDefaults},
	{Name: "container/environment-and-directory", Run: containerEnvironment},
	{Name: "container/user", Run: containerUser},
	{Name: "container/unknown-user-refused", Run: containerNobody},
	{Name: "container/mounts", Run: containerMounts},
	{Name: "container/mount-of-a-file", Run: containerFileMount},
	{Name: "container/hostname-is-that-of-the-pod", Run: containerHostname},
	{Name: "container/annotations-reach-the-shim", Run: containerAnnotations},
	{Name: "container/limits-reach-the-machine", Run: containerLimits},
	{Name: "container/out-of-memory-is-told", Run: containerOOM},
}

func containerStates(t *T) {
	p := t.pod()
	before := time.Now().Add(-time.Second)
	c := p.container(app("print", "up", "--", "sleep", "500ms", "--", "exit", "3"))
	s := c.status()
	t.Want(s.State == created && s.StartedAt == 0 && s.FinishedAt == 0 && time.Unix(0, s.CreatedAt).After(before), "a new container: %v", s)
	c.start()
	s = c.status()
	t.Want(s.State == running && s.StartedAt >= s.CreatedAt && s.FinishedAt == 0, "a started container: %v", s)
	s = c.ends(3)
	ran := time.Duration(s.FinishedAt - s.StartedAt)
	t.Want(ran > 400*time.Millisecond && ran < 4*time.Second, "it ran for %v, by its status", ran)
	c.logs("up\n", "")
}

// containerCodes: all 32 bits arrive, as CRI's signed number.
func containerCodes(t *T) {
	p := t.pod()
	for _, x := range []struct {
		arg    string
		code   int32
		reason string
	}{{"0", 0, "Completed"}, {"1", 1, "Error"}, {"255", 255, "Error"}, {"0x7FFFFFFF", 0x7FFFFFFF, "Error"}, {"0xC000013A", -0x3FFFFEC6, "Error"}} {
		c := p.run("print", x.arg, "--", "exit", x.arg)
		s := c.ends(x.code)
		t.Want(s.Reason == x.reason, "reason of code %s is %q, want %q", x.arg, s.Reason, x.reason)
		c.logs(x.arg+"\n", "")
		c.remove()
	}
}

func containerList(t *T) {
	p, q := t.pod(), t.pod()
	label := func(c *runtime.ContainerConfig) { c.Labels["tier"] = "front" }
	a := p.runWith(app("print", "up", "--", "sleep", "300s"), label)
	b := p.runWith(app("exit", "4"), label)
	other := q.host()
	a.says("up\n")
	b.ends(4)
	for what, x := range map[string]struct {
		filter *runtime.ContainerFilter
		want   []*Container
	}{
		"pod":         {&runtime.ContainerFilter{PodSandboxId: p.id}, []*Container{a, b}},
		"other pod":   {&runtime.ContainerFilter{PodSandboxId: q.id}, []*Container{other}},
		"running":     {&runtime.ContainerFilter{PodSandboxId: p.id, State: &runtime.ContainerStateValue{State: running}}, []*Container{a}},
		"exited":      {&runtime.ContainerFilter{PodSandboxId: p.id, State: &runtime.ContainerStateValue{State: exited}}, []*Container{b}},
		"label":       {&runtime.ContainerFilter{PodSandboxId: p.id, LabelSelector: map[string]string{"tier": "front"}}, []*Container{a, b}},
		"wrong label": {&runtime.ContainerFilter{PodSandboxId: p.id, LabelSelector: map[string]string{"tier": "back"}}, nil},
		"id":          {&runtime.ContainerFilter{Id: b.id}, []*Container{b}},
	} {
		r, err := t.cri.ListContainers(t.Ctx, &runtime.ListContainersRequest{Filter: x.filter})
		t.Must(err, "list containers")
		var got, want []string
		for _, c := range r.Containers {
			got = append(got, c.Id)
		}
		for _, c := range x.want {
			want = append(want, c.id)
		}
		slices.Sort(got)
		slices.Sort(want)
		t.Want(slices.Equal(got, want), "containers by %s: %v, want %v", what, got, want)
	}
}

func containerLabels(t *T) {
	c := t.pod().runWith(app("print", "x", "--", "exit", "3"), func(c *runtime.ContainerConfig) {
		c.Labels["app"] = "web"
		c.Annotations = map[string]string{"example.com/note": "with space"}
		c.Metadata.Attempt = 2
	})
	s := c.ends(3)
	t.Want(s.Labels["app"] == "web" && s.Annotations["example.com/note"] == "with space", "labels %v, annotations %v", s.Labels, s.Annotations)
	t.Want(s.Metadata.Name == c.config.Metadata.Name && s.Metadata.Attempt == 2, "metadata %v", s.Metadata)
	t.Want(s.LogPath == c.logPath(), "log path %q, want %q", s.LogPath, c.logPath())
	c.logs("x\n", "")
}

// containerDefaults: without a command, the image's.
func containerDefaults(t *T) {
	c := t.pod().runWith(app(), func(c *runtime.ContainerConfig) { c.Command, c.Args = nil, nil })
	c.ends(0)
	c.logs("hello from winapp\n", "")
}

func containerEnvironment(t *T) {
	c := t.pod().runWith(app("env", "CONFORM_A", "CONFORM_B", "--", "pwd"), func(c *runtime.ContainerConfig) {
		c.Envs = []*runtime.KeyValue{{Key: "CONFORM_A", Value: []byte("one")}, {Key: "CONFORM_B", Value: []byte("with = and ; and ünïcödé")}}
		c.WorkingDir = `C:\Windows`
	})
	c.ends(0)
	c.logs("one\nwith = and ; and ünïcödé\nC:\\Windows\n", "")
}

func runAs(name string) func(*runtime.ContainerConfig) {
	return func(c *runtime.ContainerConfig) {
		c.Windows.SecurityContext = &runtime.WindowsContainerSecurityContext{RunAsUsername: name}
	}
}

func containerUser(t *T) {
	p := t.pod()
	for _, name := range []string{"ContainerUser", "ContainerAdministrator"} {
		c := p.runWith(app("env", "USERNAME"), runAs(name))
		c.ends(0)
		c.logs(name+"\n", "")
	}
}

func containerNobody(t *T) {
	p := t.pod()
	c, err := p.tryContainer(p.containerConfig(app("print", "x"), runAs("nobody-knows")))
	if err == nil {
		err = c.tryStart()
	}
	t.Want(err != nil, "a container runs as nobody-knows")
	p.works()
}

// containerMounts: what a volume is to a pod; through a read-only mount nothing is written.
func containerMounts(t *T) {
	dir := filepath.Join(t.o.work, t.runID, t.ID())
	t.Must(os.MkdirAll(dir, 0o755), "directory of the host")
	t.Must(os.WriteFile(filepath.Join(dir, "host.txt"), []byte("from the host\n"), 0o644), "write a file")
	c := t.pod().runWith(app("print", "up", "--", "sleep", "300s"), func(c *runtime.ContainerConfig) {
		c.Mounts = []*runtime.Mount{{HostPath: dir, ContainerPath: `C:\shared`}, {HostPath: dir, ContainerPath: `C:\readonly`, Readonly: true}}
	})
	c.says("up\n")
	c.execs("type", `C:\shared\host.txt`, "--", "type", `C:\readonly\host.txt`).gives("from the host\nfrom the host\n", "", 0)
	c.execs("write", `C:\shared\guest.txt`, "from", "the", "guest").gives("", "", 0)
	got, err := os.ReadFile(filepath.Join(dir, "guest.txt"))
	t.Must(err, "read what the container wrote")
	t.Want(string(got) == "from the guest\n", "the host reads %q", got)
	o := c.execs("write", `C:\readonly\no.txt`, "x")
	t.Want(o.code != 0, "a file was written through the read-only mount")
}

func containerHostname(t *T) {
	p := t.pod(func(c *runtime.PodSandboxConfig) { c.Hostname = "pod-of-conform" })
	for range 2 {
		c := p.run("hostname")
		c.ends(0)
		c.logs("pod-of-conform\n", "")
	}
}

// containerAnnotations: those that the handler's configuration passes on.
func containerAnnotations(t *T) {
	c := t.pod().runWith(app("print", "up", "--", "sleep", "300s"), func(c *runtime.ContainerConfig) {
		c.Annotations = map[string]string{"io.microsoft.container.memory.sizeinmb": "384"}
	})
	c.says("up\n")
	m := t.holdings().Containers[c.id].Memory
	t.Want(m != nil && m.SizeInMB == 384, "the machine was told %+v, want 384 MB", m)
}

// limits sets the resources of a container.
func limits(r *runtime.WindowsContainerResources) func(*runtime.ContainerConfig) {
	return func(c *runtime.ContainerConfig) { c.Windows.Resources = r }
}

func containerLimits(t *T) {
	p := t.pod()
	for what, x := range map[string]struct {
		asked                  *runtime.WindowsContainerResources
		memory                 uint64
		count, weight, maximum int32
	}{
		"memory":  {&runtime.WindowsContainerResources{MemoryLimitInBytes: 256 << 20}, 256, 0, 0, 0},
		"count":   {&runtime.WindowsContainerResources{CpuCount: 1}, 0, 1, 0, 0},
		"shares":  {&runtime.WindowsContainerResources{CpuShares: 500}, 0, 0, 500, 0},
		"maximum": {&runtime.WindowsContainerResources{CpuMaximum: 2500, MemoryLimitInBytes: 128 << 20}, 128, 0, 0, 2500},
	} {
		c := p.runWith(app("print", "up", "--", "sleep", "300s"), limits(x.asked))
		c.says("up\n")
		got := fmt.Sprint(t.limits(c))
		want := fmt.Sprint([]uint64{x.memory, uint64(x.count), uint64(x.weight), uint64(x.maximum)})
		t.Want(got == want, "%s: the machine was told %s, want %s (memory, count, weight, maximum)", what, got, want)
	}
}

// limits are those that the machine has for a container: memory in MB, processor count, weight, maximum.
func (t *T) limits(c *Container) []uint64 {
	doc := t.holdings().Containers[c.id]
	l := make([]uint64, 4)
	if doc.Memory != nil {
		l[0] = doc.Memory.SizeInMB
	}
	if p := doc.Processor; p != nil {
		l[1], l[2], l[3] = uint64(p.Count), uint64(p.Weight), uint64(p.Maximum)
	}
	return l
}

// containerOOM: a container that ran into its memory limit says so.
func containerOOM(t *T) {
	p := t.pod()
	c := p.runWith(app("print", "up", "--", "alloc", "200M", "3s"), limits(&runtime.WindowsContainerResources{MemoryLimitInBytes: 64 << 20}))
	s := c.is(exited)
	t.Want(s.Reason == "OOMKilled" && s.ExitCode != 0, "exit code %d, reason %q, want OOMKilled", s.ExitCode, s.Reason)
	ok := p.runWith(app("print", "up", "--", "alloc", "8M", "100ms", "--", "exit", "3"), limits(&runtime.WindowsContainerResources{MemoryLimitInBytes: 128 << 20}))
	s = ok.ends(3)
	t.Want(s.Reason == "Error", "the reason of a container under its limit is %q", s.Reason)
}
