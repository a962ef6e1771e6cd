package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	"github.com/containerd/typeurl/v2"
)

// recorder collects the task events of the namespace from the moment it was made.
type recorder struct {
	t    *T
	mu   sync.Mutex
	list []event
}

type event struct {
	topic     string // last part: create, start, exit…
	container string
	exec      string // for exec-added, exec-started, exit and delete
	at        time.Time
	body      any
}

// events subscribes. Events are passed on in order; what was subscribed before an act sees all that follows from it.
func (t *T) events() *recorder {
	r := &recorder{t: t}
	r.subscribe()
	return r
}

// subscribe collects the events of the containerd that runs now.
func (r *recorder) subscribe() {
	t := r.t
	ctx, cancel := context.WithCancel(t.Ctx)
	t.Later(func(context.Context) error { cancel(); return nil })
	ch, errs := t.client.EventService().Subscribe(ctx, fmt.Sprintf(`topic~="^/tasks/",namespace==%s`, t.o.namespace))
	go func() {
		for {
			select {
			case e := <-ch:
				v, err := typeurl.UnmarshalAny(e.Event)
				if err != nil {
					v = err
				}
				r.add(strings.TrimPrefix(e.Topic, "/tasks/"), e.Timestamp, v)
			case <-errs:
				return
			}
		}
	}()
	// The subscription is a stream that containerd sets up when it gets to it; an event of our own tells that it has.
	mark := t.ID()
	ok := t.Until(5*time.Second, func() bool {
		t.Must(t.client.EventService().Publish(t.Ctx, "/tasks/conform", &apievents.TaskOOM{ContainerID: mark}), "publish")
		time.Sleep(20 * time.Millisecond)
		return len(r.of(mark)) > 0
	})
	t.Want(ok, "no event arrives")
}

func (r *recorder) add(topic string, at time.Time, body any) {
	e := event{topic: topic, at: at, body: body}
	switch v := body.(type) {
	case *apievents.TaskCreate:
		e.container = v.ContainerID
	case *apievents.TaskStart:
		e.container = v.ContainerID
	case *apievents.TaskExecAdded:
		e.container, e.exec = v.ContainerID, v.ExecID
	case *apievents.TaskExecStarted:
		e.container, e.exec = v.ContainerID, v.ExecID
	case *apievents.TaskExit:
		e.container, e.exec = v.ContainerID, v.ID
	case *apievents.TaskDelete:
		e.container, e.exec = v.ContainerID, v.ID
	case *apievents.TaskOOM:
		e.container = v.ContainerID
	case *apievents.TaskPaused:
		e.container = v.ContainerID
	case *apievents.TaskResumed:
		e.container = v.ContainerID
	}
	if e.exec == e.container { // the init, by its contract
		e.exec = ""
	}
	r.mu.Lock()
	r.list = append(r.list, e)
	r.mu.Unlock()
}

// forget drops what has come so far.
func (r *recorder) forget() {
	r.mu.Lock()
	r.list = nil
	r.mu.Unlock()
}

// of returns the events of a container so far.
func (r *recorder) of(container string) []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var l []event
	for _, e := range r.list {
		if e.container == container {
			l = append(l, e)
		}
	}
	return l
}

// story waits for n events of the container and returns them as "topic" or "topic exec" words.
func (r *recorder) story(container string, n int, names map[string]string) string {
	r.t.Until(streamBound, func() bool { return len(r.of(container)) >= n })
	time.Sleep(300 * time.Millisecond) // one too many would come now
	var words []string
	for _, e := range r.of(container) {
		w := e.topic
		if e.exec != "" {
			w += " " + names[e.exec]
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

// exit waits for the exit event of a process; the id of an init's is the container's.
func (r *recorder) exit(container, id string) *apievents.TaskExit {
	var found *apievents.TaskExit
	r.t.Until(streamBound, func() bool {
		for _, e := range r.of(container) {
			if v, ok := e.body.(*apievents.TaskExit); ok && v.ID == id {
				found = v
			}
		}
		return found != nil
	})
	r.t.Want(found != nil, "no exit event for %s of %s", id, container)
	return found
}
