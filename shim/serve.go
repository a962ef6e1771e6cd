package shim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/ttrpc"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/admission"
	"containerd-shim-hcs/task/ledger"
)

// Config is what a shim needs to know to serve.
type Config struct {
	Machine   hcs.Machine
	Namespace string
	ID        string // of the container or sandbox the shim was started for
	Bundle    string // its directory; empty when it is not known
	Events    string // address of containerd's ttrpc server, empty for none
	Ledgers   string // directory of the ledgers
	Lock      ledger.Locker
	Slots     admission.Slots // that the machine's shims share
	Level     slog.Level
	Options   *runhcs.Options // that the shim was started with
}

const (
	graceBound = 3 * time.Second // requests under way when the shim ends
	flushBound = 2 * time.Second // the last events
	sweepBound = time.Minute     // for what dead shims left behind on the machine
	leaveBound = time.Second     // for clients to hang up after the last answer
)

// containerdRuns reports whether containerd serves its events pipe. Without one it is taken to run.
func (c Config) containerdRuns(ctx context.Context) bool {
	if c.Events == "" {
		return true
	}
	conn, err := c.Machine.Host.DialPipe(ctx, c.Events)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// Serve serves the task API until Shutdown is asked for or ctx ends. ready is called once both pipes accept connections.
func Serve(ctx context.Context, c Config, ready func()) error {
	pipe := newLogPipe()
	defer pipe.close()
	log := slog.New(slog.NewTextHandler(pipe, &slog.HandlerOptions{Level: c.Level})).With("shim", c.ID, "namespace", c.Namespace)

	logs, err := c.Machine.Host.ListenPipe(LogAddress(c.Namespace, c.ID))
	if err != nil {
		return fmt.Errorf("log pipe: %w", err)
	}
	defer logs.Close()
	go pipe.serve(logs)

	listener, err := c.Machine.Host.ListenPipe(Address(c.Namespace, c.ID))
	if err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer listener.Close()

	ctx, end := context.WithCancel(ctx)
	defer end()
	publish := func(task.Publish) {}
	if c.Events != "" {
		box := newOutbox(ctx, c.Namespace, func(ctx context.Context) (net.Conn, error) {
			return c.Machine.Host.DialPipe(ctx, c.Events)
		}, log)
		publish = box.publish
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushBound)
			defer cancel()
			box.flush(ctx)
		}()
	}
	runner := &task.Runner{Machine: c.Machine, Ledgers: c.Ledgers, Namespace: c.Namespace, Lock: c.Lock, Slots: c.Slots, Alive: c.containerdRuns, Log: log}
	shutdown := make(chan struct{})
	finish := sync.OnceFunc(func() { close(shutdown) })
	sandbox := &sandboxes{id: c.ID, facts: c.Machine.Host.Facts, end: finish}
	svc := &service{
		id: c.ID, logs: newMemberLogs(c.Namespace, c.Machine.Host.ListenPipe), options: taskOptions(c.Options), log: log,
		shutdown: finish, ending: shutdown, exited: c.writeExit,
	}
	defer svc.logs.close()
	told := sandbox.untold(publish)
	pod := task.NewPod(runner, func(p task.Publish) { told(p); svc.deleted(p) }, log)
	sandbox.pod, svc.pod = pod, pod
	defer pod.Close()

	server, err := ttrpc.NewServer(ttrpc.WithUnaryServerInterceptor(recovered(log)))
	if err != nil {
		return fmt.Errorf("ttrpc: %w", err)
	}
	defer server.Close()
	register(server, svc)
	registerSandbox(server, sandbox)
	served := make(chan error, 1)
	clients := &counted{Listener: listener, none: make(chan struct{})}
	go func() { served <- server.Serve(ctx, clients) }()
	alone := make(chan struct{})
	go func() {
		tasks := func() int { return len(pod.Snapshot()) }
		if lonely(ctx, tasks, clients.count, func() bool { return deserted(c.Bundle, pod.Snapshot()) }) {
			close(alone)
		}
	}()
	ready()
	log.Info("serving")
	go func() {
		ctx, cancel := context.WithTimeout(ctx, sweepBound)
		defer cancel()
		for _, s := range Sweep(ctx, c.Machine, c.Ledgers, c.Lock) {
			log.Info("sweep", "ledger", s.Ledger, "released", s.Released, "error", s.Err)
		}
	}()

	select {
	case <-shutdown:
	case <-alone:
		log.Warn("no one needs this shim any more", "containers", len(pod.Snapshot()))
	case <-ctx.Done():
	case err := <-served:
		return fmt.Errorf("ttrpc: %w", err)
	}
	log.Info("ending")
	// ttrpc closes a connection that is idle, be its last answer sent or not: the client goes first.
	clients.wait(leaveBound)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceBound)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Warn("ttrpc shutdown", "error", err)
	}
	return nil
}

// writeExit tells a delete command how a task ended that this shim has no more.
func (c Config) writeExit(id string, e ledger.Exit) error {
	led, err := ledger.Open(c.Ledgers, c.Namespace, id)
	if err != nil || len(led.Held()) > 0 { // another shim has a container of the id
		return err
	}
	return led.Ended(e)
}
