package main

import (
	"path/filepath"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Container is one of a pod.
type Container struct {
	t      *T
	pod    *Pod
	id     string
	config *runtime.ContainerConfig
}

// app is the command line of the image's program.
func app(args ...string) []string { return append([]string{`C:\app\winapp.exe`}, args...) }

func (p *Pod) containerConfig(args []string, edits ...func(*runtime.ContainerConfig)) *runtime.ContainerConfig {
	name := p.t.ID()
	c := &runtime.ContainerConfig{
		Metadata: &runtime.ContainerMetadata{Name: name},
		Image:    &runtime.ImageSpec{Image: p.t.o.image},
		Command:  args[:1],
		Args:     args[1:],
		LogPath:  name + ".log",
		Labels:   map[string]string{"run": p.t.runID},
		Windows:  &runtime.WindowsContainerConfig{},
	}
	for _, e := range edits {
		e(c)
	}
	return c
}

// container makes one that will run args.
func (p *Pod) container(args []string, edits ...func(*runtime.ContainerConfig)) *Container {
	c, err := p.tryContainer(p.containerConfig(args, edits...))
	p.t.Must(err, "create container")
	return c
}

func (p *Pod) tryContainer(c *runtime.ContainerConfig) (*Container, error) {
	r, err := p.t.cri.CreateContainer(p.t.Ctx, &runtime.CreateContainerRequest{PodSandboxId: p.id, Config: c, SandboxConfig: p.config})
	if err != nil {
		return nil, err
	}
	return &Container{t: p.t, pod: p, id: r.ContainerId, config: c}, nil
}

// run makes a container of the image's program and starts it.
func (p *Pod) run(args ...string) *Container { return p.runWith(app(args...)) }

func (p *Pod) runWith(args []string, edits ...func(*runtime.ContainerConfig)) *Container {
	c := p.container(args, edits...)
	c.start()
	return c
}

// host runs a container to exec in.
func (p *Pod) host() *Container {
	c := p.run("print", "up", "--", "sleep", "300s")
	c.says("up\n")
	return c
}

func (c *Container) start() { c.t.Must(c.tryStart(), "start container %s", c.id) }

func (c *Container) tryStart() error {
	_, err := c.t.cri.StartContainer(c.t.Ctx, &runtime.StartContainerRequest{ContainerId: c.id})
	return err
}

func (c *Container) status() *runtime.ContainerStatus {
	r, err := c.t.cri.ContainerStatus(c.t.Ctx, &runtime.ContainerStatusRequest{ContainerId: c.id})
	c.t.Must(err, "status of container %s", c.id)
	return r.Status
}

const (
	created = runtime.ContainerState_CONTAINER_CREATED
	running = runtime.ContainerState_CONTAINER_RUNNING
	exited  = runtime.ContainerState_CONTAINER_EXITED
)

// patience is for what must come, on a machine that may be busy.
const patience = 40 * time.Second

// is waits for a state of the container and returns the status with it.
func (c *Container) is(want runtime.ContainerState) *runtime.ContainerStatus {
	return c.isWithin(patience, want)
}

func (c *Container) isWithin(d time.Duration, want runtime.ContainerState) *runtime.ContainerStatus {
	var s *runtime.ContainerStatus
	ok := c.t.Until(d, func() bool {
		s = c.status()
		return s.State == want
	})
	c.t.Want(ok, "container %s is %v, want %v", c.id, s.State, want)
	return s
}

// ends waits for the exit and fails unless it has this code.
func (c *Container) ends(code int32) *runtime.ContainerStatus {
	s := c.is(exited)
	c.t.Want(s.ExitCode == code, "container %s: exit code %d (%s: %s), want %d", c.id, s.ExitCode, s.Reason, s.Message, code)
	return s
}

// stop is StopContainer with that grace period, in whole seconds.
func (c *Container) stop(grace time.Duration) { c.t.Must(c.tryStop(grace), "stop container %s", c.id) }

func (c *Container) tryStop(grace time.Duration) error {
	_, err := c.t.cri.StopContainer(c.t.Ctx, &runtime.StopContainerRequest{ContainerId: c.id, Timeout: int64(grace / time.Second)})
	return err
}

func (c *Container) remove() { c.t.Must(c.tryRemove(), "remove container %s", c.id) }

func (c *Container) tryRemove() error {
	_, err := c.t.cri.RemoveContainer(c.t.Ctx, &runtime.RemoveContainerRequest{ContainerId: c.id})
	return err
}

// logPath is where the log is.
func (c *Container) logPath() string {
	return filepath.Join(c.pod.config.LogDirectory, c.config.LogPath)
}
