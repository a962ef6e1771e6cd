package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var eventCases = []Case{
	{Name: "events/of-a-pod-and-its-container-in-order", Run: eventsOrder},
	{Name: "events/say-what-has-become-of-it", Run: eventsStatus},
}

// watch collects the container events that CRI streams.
type watch struct {
	t    *T
	mu   sync.Mutex
	list []*runtime.ContainerEventResponse
}

func (t *T) watch() *watch {
	ctx, stop := context.WithCancel(t.Ctx)
	stream, err := t.cri.GetContainerEvents(ctx, &runtime.GetEventsRequest{})
	t.Must(err, "subscribe to container events")
	w := &watch{t: t}
	ended := make(chan struct{})
	t.Later(func(context.Context) error {
		stop()
		<-ended
		return nil
	})
	go func() {
		defer close(ended)
		for {
			e, err := stream.Recv()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.list = append(w.list, e)
			w.mu.Unlock()
		}
	}()
	return w
}

// of is the events with this id, the pod's or a container's.
func (w *watch) of(id string) []*runtime.ContainerEventResponse {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*runtime.ContainerEventResponse
	for _, e := range w.list {
		if e.ContainerId == id {
			list = append(list, e)
		}
	}
	return list
}

// tells waits for the events of an id and fails unless they are these.
func (w *watch) tells(id, want string) {
	var got string
	ok := w.t.Until(10*time.Second, func() bool {
		var words []string
		for _, e := range w.of(id) {
			word, _ := strings.CutPrefix(e.ContainerEventType.String(), "CONTAINER_")
			words = append(words, strings.ToLower(strings.TrimSuffix(word, "_EVENT")))
		}
		got = strings.Join(words, ", ")
		return got == want
	})
	w.t.Want(ok, "events of %s: %s; want: %s", id, got, want)
}

func eventsOrder(t *T) {
	w := t.watch()
	p := t.pod()
	c := p.run("print", "x", "--", "exit", "7")
	c.ends(7)
	w.tells(c.id, "created, started, stopped")
	w.tells(p.id, "created, started") // a container's end is not the pod's
	c.remove()
	w.tells(c.id, "created, started, stopped, deleted")
	p.stop()
	w.tells(p.id, "created, started, stopped")
	p.remove()
	w.tells(p.id, "created, started, stopped, deleted")
}

// eventsStatus: an event carries the pod's status and its containers', so that the kubelet need not ask.
func eventsStatus(t *T) {
	w := t.watch()
	p := t.pod()
	a := p.host()
	b := p.run("print", "x", "--", "exit", "7")
	b.ends(7)
	w.tells(b.id, "created, started, stopped")
	last := w.of(b.id)[2]
	t.Want(last.PodSandboxStatus.GetId() == p.id && last.PodSandboxStatus.State == podReady, "pod in the event: %v", last.PodSandboxStatus)
	got := map[string]string{}
	for _, s := range last.ContainersStatuses {
		got[s.Id] = fmt.Sprint(s.State, " ", s.ExitCode)
	}
	want := map[string]string{a.id: fmt.Sprint(running, " 0"), b.id: fmt.Sprint(exited, " 7")}
	t.Want(fmt.Sprint(got) == fmt.Sprint(want), "containers in the event: %v, want %v", got, want)
}
