package sim_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

const (
	base    = `C:\layers\1`
	top     = `C:\layers\2`
	scratch = `C:\layers\3`
)

// node is a service with two read-only layers, a scratch, and one client.
type node struct {
	*testing.T
	svc    *sim.Service
	client *sim.Client
	m      hcs.Machine
	ctx    context.Context
}

// inNode runs f in a bubble and checks at the end that every goroutine of the service ends.
func inNode(t *testing.T, cfg sim.Config, f func(n *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := sim.NewMemory()
		store.AddDir(base, top)
		store.AddScratch(scratch)
		cfg.Store = store
		svc := sim.New(cfg)
		c := svc.Connect("shim", 100)
		f(&node{T: t, svc: svc, client: c, m: svc.Machine(c), ctx: t.Context()})
		svc.Close()
	})
}

func (n *node) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n *node) is(err error, want hcs.Code) {
	n.Helper()
	if hcs.CodeOf(err) != want {
		n.Fatalf("got %v, want %v", err, want)
	}
}

// mount makes the scratch ready and returns its volume.
func (n *node) mount() string {
	n.Helper()
	n.must(n.m.Layers.Activate(n.ctx, scratch))
	n.must(n.m.Layers.Prepare(n.ctx, scratch, []string{top, base}))
	v, err := n.m.Layers.MountPath(n.ctx, scratch)
	n.must(err)
	return v
}

func (n *node) unmount() {
	n.Helper()
	n.must(n.m.Layers.Unprepare(n.ctx, scratch))
	n.must(n.m.Layers.Deactivate(n.ctx, scratch))
}

func document(volume string) *schema.ComputeSystem {
	return &schema.ComputeSystem{
		Owner: "test", SchemaVersion: schema.Version{Major: 2, Minor: 1}, ShouldTerminateOnLastHandleClosed: true,
		Container: &schema.Container{Storage: &schema.Storage{
			Layers: []schema.Layer{{ID: sim.NameToGUID("2"), Path: top}, {ID: sim.NameToGUID("1"), Path: base}},
			Path:   volume + `\`,
		}},
	}
}

// running makes a started container.
func (n *node) running(id string) hcs.System {
	n.Helper()
	s, err := n.m.Compute.Create(n.ctx, id, document(n.mount()))
	n.must(err)
	n.must(s.Start(n.ctx))
	return s
}

func (n *node) run(s hcs.System, line string) hcs.Process {
	n.Helper()
	p, err := s.Run(n.ctx, &schema.ProcessParameters{CommandLine: line, CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true})
	n.must(err)
	return p
}

func TestLifeOfAContainer(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		begin := time.Now()
		p := n.run(s, "print 8MiB; eprint oops; sleep 2s; exit 3")
		out := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(p.Stdout())
			out <- b
		}()
		errs, err := io.ReadAll(p.Stderr())
		n.must(err)
		if got := <-out; string(got) != string(sim.Pattern(8<<20)) {
			t.Errorf("stdout has %d bytes that are not the pattern", len(got))
		}
		if string(errs) != "oops\n" {
			t.Errorf("stderr is %q", errs)
		}
		if e := <-p.Exited(); e.Code != 3 || e.Err != nil || time.Since(begin) != 2*time.Second {
			t.Errorf("exit %+v after %v", e, time.Since(begin))
		}
		n.must(p.Close())
		select {
		case e := <-s.Exited():
			t.Fatalf("the container exited with its init: %+v", e)
		case <-time.After(time.Hour):
		}
		n.must(s.Shutdown(n.ctx))
		if e := <-s.Exited(); e.Type != schema.ExitGraceful || e.Status != 0 || e.Err != nil {
			t.Errorf("exit %+v", e)
		}
		n.unmount()
		props, err := s.Properties(n.ctx)
		n.must(err)
		if !props.Stopped || props.State != schema.StateStopped || props.ExitType != schema.ExitGraceful {
			t.Errorf("stopped system says %+v", props)
		}
		n.must(s.Close())
		_, err = n.m.Compute.Open(n.ctx, "web")
		n.is(err, hcs.ErrSystemNotFound)
		if held := n.svc.Held(); len(held) > 0 {
			t.Errorf("held: %s", strings.Join(held, "; "))
		}
	})
}

func TestCallBoundedByContext(t *testing.T) {
	inNode(t, sim.Config{ServerCore: true}, func(n *node) {
		s := n.running("web")
		p := n.run(s, "ignore CtrlShutdown; wait")
		ctx, cancel := context.WithTimeout(n.ctx, time.Second)
		defer cancel()
		err := p.Signal(ctx, schema.CtrlShutdown)
		if hcs.CodeOf(err) != hcs.ErrOperationTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("signal gave %v", err)
		}
		n.must(p.Terminate(n.ctx)) // not held up by the signal that still waits
		if e := <-p.Exited(); e.Code != sim.TerminatedExitCode {
			t.Errorf("exit %+v", e)
		}
	})
}
