package shim

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/containerd/containerd/api/events"
	eventsapi "github.com/containerd/containerd/api/services/ttrpc/events/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/task"
)

const (
	outboxMost   = 4096            // events kept while containerd is away
	forwardBound = 5 * time.Second // one event
	redialPause  = 100 * time.Millisecond
	redialMost   = 2 * time.Second
)

// outbox sends events to containerd, one at a time and in order. It never makes a request wait or fail: events are kept while
// containerd is away, up to a bound, and sent when it is back. When the bound is passed the oldest are dropped and counted. An event
// that containerd took and did not answer, because it died, is sent again to the next one.
type outbox struct {
	namespace string
	dial      func(ctx context.Context) (net.Conn, error)
	log       *slog.Logger

	mu      sync.Mutex // guards the fields below; not held over I/O
	queue   []*types.Envelope
	dropped int
	wake    chan struct{} // cap 1
	idle    chan struct{} // closed and replaced whenever the queue has run empty

	client *ttrpc.Client // the sender's own
}

// newOutbox starts the sender, which ends with ctx.
func newOutbox(ctx context.Context, namespace string, dial func(context.Context) (net.Conn, error), log *slog.Logger) *outbox {
	o := &outbox{namespace: namespace, dial: dial, log: log, wake: make(chan struct{}, 1), idle: make(chan struct{})}
	go o.send(ctx)
	return o
}

// publish queues an event. It does not block.
func (o *outbox) publish(p task.Publish) {
	topic, msg := eventOf(p)
	body, err := anyOf(msg)
	if err != nil {
		o.log.Error("event", "topic", topic, "error", err)
		return
	}
	e := &types.Envelope{Timestamp: timestamppb.Now(), Namespace: o.namespace, Topic: topic, Event: body}
	o.mu.Lock()
	if len(o.queue) >= outboxMost {
		o.queue = o.queue[1:]
		o.dropped++
	}
	o.queue = append(o.queue, e)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) send(ctx context.Context) {
	defer o.hangUp()
	pause := redialPause
	for {
		e := o.next(ctx)
		if e == nil {
			return
		}
		err := o.forward(ctx, e)
		if err == nil || refused(err) {
			if err != nil {
				o.log.Error("containerd refused an event", "topic", e.Topic, "error", err)
			}
			o.remove(e)
			pause = redialPause
			continue
		}
		o.hangUp()
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, redialMost)
	}
}

// next waits for the oldest event; nil when ctx has ended.
func (o *outbox) next(ctx context.Context) *types.Envelope {
	for {
		o.mu.Lock()
		if len(o.queue) > 0 {
			e := o.queue[0]
			o.mu.Unlock()
			return e
		}
		close(o.idle)
		o.idle = make(chan struct{})
		o.queue = nil // let the array go
		o.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
		}
	}
}

// remove takes e from the queue, unless it was dropped meanwhile.
func (o *outbox) remove(e *types.Envelope) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) > 0 && o.queue[0] == e {
		o.queue = o.queue[1:]
	}
	if o.dropped > 0 {
		o.log.Error("events were dropped while containerd was away", "count", o.dropped)
		o.dropped = 0
	}
}

func (o *outbox) forward(ctx context.Context, e *types.Envelope) error {
	ctx, cancel := context.WithTimeout(ctx, forwardBound)
	defer cancel()
	if o.client == nil {
		conn, err := o.dial(ctx)
		if err != nil {
			return err
		}
		o.client = ttrpc.NewClient(conn)
	}
	_, err := eventsapi.NewTTRPCEventsClient(o.client).Forward(ctx, &eventsapi.ForwardRequest{Envelope: e})
	return err
}

// refused reports that containerd answered and will not take the event, however often it is sent.
func refused(err error) bool {
	if errors.Is(err, ttrpc.ErrClosed) {
		return false
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.Unimplemented, codes.FailedPrecondition, codes.PermissionDenied:
		return true
	}
	return false
}

func (o *outbox) hangUp() {
	if o.client != nil {
		_ = o.client.Close()
		o.client = nil
	}
}

// flush waits until everything queued was sent, or ctx ends.
func (o *outbox) flush(ctx context.Context) {
	for {
		o.mu.Lock()
		empty, idle := len(o.queue) == 0, o.idle
		o.mu.Unlock()
		if empty {
			return
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return
		}
	}
}

// eventOf is containerd's form of an event.
func eventOf(p task.Publish) (topic string, msg proto.Message) {
	id, exec, io := p.Key.Task, p.Key.Exec, p.Detail.IO
	switch p.Kind {
	case task.TaskCreated:
		return "/tasks/create", &events.TaskCreate{
			ContainerID: id, Bundle: p.Detail.Bundle, Rootfs: rootfsOf(p.Detail), Pid: p.Pid,
			IO: &events.TaskIO{Stdin: io.Stdin, Stdout: io.Stdout, Stderr: io.Stderr, Terminal: io.Terminal},
		}
	case task.TaskStarted:
		return "/tasks/start", &events.TaskStart{ContainerID: id, Pid: p.Pid}
	case task.ExecAdded:
		return "/tasks/exec-added", &events.TaskExecAdded{ContainerID: id, ExecID: exec}
	case task.ExecStarted:
		return "/tasks/exec-started", &events.TaskExecStarted{ContainerID: id, ExecID: exec, Pid: p.Pid}
	case task.TaskExited:
		e := &events.TaskExit{ContainerID: id, ID: id, Pid: p.Pid, ExitStatus: p.Exit.Code, ExitedAt: stamp(p.Exit.At)}
		if exec != "" {
			e.ID = exec
		}
		return "/tasks/exit", e
	case task.TaskOOM:
		return "/tasks/oom", &events.TaskOOM{ContainerID: id}
	case task.TaskPaused:
		return "/tasks/paused", &events.TaskPaused{ContainerID: id}
	case task.TaskResumed:
		return "/tasks/resumed", &events.TaskResumed{ContainerID: id}
	default:
		return "/tasks/delete", &events.TaskDelete{ContainerID: id, ID: exec, Pid: p.Pid, ExitStatus: p.Exit.Code, ExitedAt: stamp(p.Exit.At)}
	}
}

func rootfsOf(d task.Detail) []*types.Mount {
	var out []*types.Mount
	for _, m := range d.Rootfs {
		out = append(out, &types.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	return out
}
