package shim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	eventsapi "github.com/containerd/containerd/api/services/ttrpc/events/v1"
	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"containerd-shim-hcs/task"
)

// daemon is a containerd that comes and goes.
type daemon struct {
	mu     sync.Mutex
	server *ttrpc.Server // nil while it is away
	pipe   chan net.Conn
	got    []string
	err    error // the answer to the next events
}

func (d *daemon) dial(context.Context) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		return nil, errors.New("away")
	}
	ours, theirs := net.Pipe()
	d.pipe <- ours
	return theirs, nil
}

func (d *daemon) Forward(_ context.Context, r *eventsapi.ForwardRequest) (*emptypb.Empty, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	d.got = append(d.got, r.Envelope.Topic)
	return &emptypb.Empty{}, nil
}

// Accept, Close and Addr make the daemon the listener of its own server.
func (d *daemon) Accept() (net.Conn, error) {
	c, ok := <-d.pipe
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (d *daemon) Close() error   { return nil }
func (d *daemon) Addr() net.Addr { return &net.UnixAddr{} }

func (d *daemon) start(t *testing.T) {
	server, err := ttrpc.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	eventsapi.RegisterTTRPCEventsService(server, d)
	d.mu.Lock()
	d.server, d.pipe = server, make(chan net.Conn, 1)
	d.mu.Unlock()
	go func() { _ = server.Serve(context.Background(), d) }()
}

func (d *daemon) stop() {
	d.mu.Lock()
	server := d.server
	d.server = nil
	close(d.pipe)
	d.mu.Unlock()
	_ = server.Close()
}

func kinds(n int) (want []string, send func(*outbox)) {
	all := []task.Kind{task.TaskCreated, task.TaskStarted, task.ExecAdded, task.ExecStarted, task.TaskExited, task.TaskDeleted}
	topics := []string{"/tasks/create", "/tasks/start", "/tasks/exec-added", "/tasks/exec-started", "/tasks/exit", "/tasks/delete"}
	for i := range n {
		want = append(want, topics[i%6])
	}
	return want, func(o *outbox) {
		for i := range n {
			o.publish(task.Publish{Kind: all[i%6], Key: task.Key{Task: "web"}})
		}
	}
}

func TestEventsOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{}
		ctx, end := context.WithCancel(t.Context())
		o := newOutbox(ctx, ns, d.dial, slog.New(slog.DiscardHandler))
		want, send := kinds(12)
		d.start(t)
		send(o)
		time.Sleep(time.Second)
		d.stop()
		synctest.Wait() // an event it has taken when it dies is sent again
		send(o)         // nobody is there
		time.Sleep(time.Hour)
		d.start(t)
		flush, cancel := context.WithTimeout(ctx, time.Minute)
		o.flush(flush)
		cancel()
		expect(t, d.got, append(want, want...)...)
		end()
		d.stop()
	})
}

func TestEventsAreBoundedAndTheLossIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{}
		ctx, end := context.WithCancel(t.Context())
		var log strings.Builder
		o := newOutbox(ctx, ns, d.dial, slog.New(slog.NewTextHandler(&log, nil)))
		const more = 10
		_, send := kinds(outboxMost + more)
		send(o)
		time.Sleep(time.Second)
		d.start(t)
		o.flush(ctx)
		synctest.Wait()
		if n := len(d.got); n != outboxMost {
			t.Errorf("%d events arrived", n)
		}
		if !strings.Contains(log.String(), fmt.Sprintf("count=%d", more)) {
			t.Errorf("the log does not say how many were dropped:\n%s", &log)
		}
		end()
		d.stop()
	})
}

func TestEventThatContainerdRefusesDoesNotHoldTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{err: status.Error(codes.InvalidArgument, "no")}
		ctx, end := context.WithCancel(t.Context())
		o := newOutbox(ctx, ns, d.dial, slog.New(slog.DiscardHandler))
		d.start(t)
		_, send := kinds(1)
		send(o)
		o.flush(ctx)
		d.mu.Lock()
		d.err = nil
		d.mu.Unlock()
		want, send := kinds(2)
		send(o)
		o.flush(ctx)
		expect(t, d.got, want...)
		end()
		d.stop()
	})
}
