//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// textBound is how long a container's output may take.
const textBound = 20 * time.Second

// spec is what a container is made of.
type spec struct {
	container.Config
	container.HostConfig
	networks network.NetworkingConfig
}

// Box is one container.
type Box struct {
	t        *T
	id, name string
}

// with runs these commands of winapp in the container.
func with(args ...string) func(*spec) {
	return func(s *spec) { s.Cmd = append([]string{"winapp.exe"}, args...) }
}

// create makes a container of winapp, without a network unless a change gives it one. It is removed at the end.
func (t *T) create(change ...func(*spec)) *Box {
	b, err := t.tryCreate(change...)
	t.Must(err, "create")
	return b
}

func (t *T) tryCreate(change ...func(*spec)) (*Box, error) {
	s := spec{}
	s.Image, s.Runtime, s.NetworkMode = t.image(winapp), t.o.runtime, network.NetworkNone
	for _, f := range change {
		f(&s)
	}
	b := &Box{t: t, name: t.ID()}
	made, err := t.engine.ContainerCreate(t.Ctx, client.ContainerCreateOptions{Name: b.name, Config: &s.Config, HostConfig: &s.HostConfig, NetworkingConfig: &s.networks})
	if err != nil {
		return nil, err
	}
	b.id = made.ID
	t.Later(b.removed)
	return b, nil
}

// removed removes the container, whatever it does; that it is gone already is fine.
func (b *Box) removed(ctx context.Context) error {
	_, err := b.t.engine.ContainerRemove(ctx, b.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "already in progress") {
		return fmt.Errorf("remove %s: %w", b.name, err)
	}
	return nil
}

// run creates and starts.
func (t *T) run(change ...func(*spec)) *Box {
	b := t.create(change...)
	b.start()
	return b
}

func (b *Box) start() {
	_, err := b.t.engine.ContainerStart(b.t.Ctx, b.id, client.ContainerStartOptions{})
	b.t.Must(err, "start")
}

// inspect is the container as the engine sees it.
func (b *Box) inspect() container.InspectResponse {
	r, err := b.t.engine.ContainerInspect(b.t.Ctx, b.id, client.ContainerInspectOptions{})
	b.t.Must(err, "inspect")
	return r.Container
}

// is waits until the state is that one.
func (b *Box) is(want container.ContainerState, bound time.Duration) {
	var now container.State
	ok := b.t.Until(bound, func() bool {
		now = *b.inspect().State
		return now.Status == want
	})
	b.t.Want(ok, "it is %s (code %d, %q), want %s", now.Status, now.ExitCode, now.Error, want)
}

// ended waits for the end and returns the code.
func (b *Box) ended() int64 {
	w := b.t.engine.ContainerWait(b.t.Ctx, b.id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case r := <-w.Result:
		b.t.Want(r.Error == nil, "wait: %v", r.Error)
		return r.StatusCode
	case err := <-w.Error:
		b.t.Must(err, "wait")
	}
	return -1
}

// endsWith is that the container ends with a code.
func (b *Box) endsWith(want int64) {
	got := b.ended()
	b.t.Want(got == want, "it ended with %d, want %d; it said %q", got, want, clip(b.logs()))
}

// streams are what the container has written, by its log.
func (b *Box) streams() (stdout, stderr string) {
	r, err := b.t.engine.ContainerLogs(b.t.Ctx, b.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	b.t.Must(err, "logs")
	defer r.Close()
	var out, bad bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &bad, r)
	b.t.Must(err, "logs")
	return lines(out.String()), lines(bad.String())
}

func (b *Box) logs() string {
	out, bad := b.streams()
	return out + bad
}

// lines is a text with the line ends of here.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// says waits until a text is in the log.
func (b *Box) says(want string) {
	var got string
	ok := b.t.Until(textBound, func() bool {
		got = b.logs()
		return strings.Contains(got, want)
	})
	b.t.Want(ok, "it says %q, want %q", clip(got), want)
}

// clip is a text for a message.
func clip(s string) string {
	if len(s) > 300 {
		return s[:150] + "…" + s[len(s)-150:]
	}
	return s
}

// result is what became of an exec.
type result struct {
	out, err string
	code     int
}

// exec runs these commands of winapp in the running container.
func (b *Box) exec(args ...string) result {
	return b.execWith(func(*client.ExecCreateOptions) {}, nil, args...)
}

// execWith runs with other options, and standard input when there is one.
func (b *Box) execWith(change func(*client.ExecCreateOptions), input io.Reader, args ...string) result {
	t := b.t
	id := b.newExec(func(o *client.ExecCreateOptions) {
		o.AttachStdin = input != nil
		change(o)
	}, args...)
	conn, err := t.engine.ExecAttach(t.Ctx, id, client.ExecAttachOptions{})
	t.Must(err, "attach to exec")
	defer conn.Close()
	if input != nil {
		go func() {
			_, _ = io.Copy(conn.Conn, input)
			_ = conn.CloseWrite()
		}()
	}
	var out, bad bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &bad, conn.Reader)
	t.Must(err, "output of exec")
	return result{lines(out.String()), lines(bad.String()), b.execEnded(id)}
}

// detached starts an exec and leaves it to itself.
func (b *Box) detached(args ...string) (id string) {
	id = b.newExec(func(o *client.ExecCreateOptions) { o.AttachStdout, o.AttachStderr = false, false }, args...)
	_, err := b.t.engine.ExecStart(b.t.Ctx, id, client.ExecStartOptions{Detach: true})
	b.t.Must(err, "start exec")
	return id
}

func (b *Box) newExec(change func(*client.ExecCreateOptions), args ...string) string {
	o := client.ExecCreateOptions{Cmd: append([]string{"winapp.exe"}, args...), AttachStdout: true, AttachStderr: true}
	change(&o)
	made, err := b.t.engine.ExecCreate(b.t.Ctx, b.id, o)
	b.t.Must(err, "create exec")
	return made.ID
}

// execEnded waits for the end of an exec and returns its code.
func (b *Box) execEnded(id string) int {
	var last client.ExecInspectResult
	ok := b.t.Until(textBound, func() bool {
		var err error
		last, err = b.t.engine.ExecInspect(b.t.Ctx, id, client.ExecInspectOptions{})
		b.t.Must(err, "inspect exec")
		return !last.Running
	})
	b.t.Want(ok, "the exec does not end")
	return last.ExitCode
}

// processes is how many the machine has of the container.
func (b *Box) processes() int { return b.t.holdings().Running[b.id] }

// kill ends it with a signal.
func (b *Box) kill(signal string) {
	_, err := b.t.engine.ContainerKill(b.t.Ctx, b.id, client.ContainerKillOptions{Signal: signal})
	b.t.Must(err, "kill -s %s", signal)
}

// stop gives it so many seconds to end.
func (b *Box) stop(seconds int) {
	_, err := b.t.engine.ContainerStop(b.t.Ctx, b.id, client.ContainerStopOptions{Timeout: &seconds})
	b.t.Must(err, "stop -t %d", seconds)
}
