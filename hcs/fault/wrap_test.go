package fault_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

const (
	base    = `C:\layers\1`
	scratch = `C:\layers\2`
)

type node struct {
	*testing.T
	svc *sim.Service
	set *fault.Set
	m   hcs.Machine
	ctx context.Context
}

func inNode(t *testing.T, f func(n *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := sim.NewMemory()
		store.AddDir(base)
		store.AddScratch(scratch)
		svc := sim.New(sim.Config{Store: store})
		set := &fault.Set{}
		f(&node{t, svc, set, fault.Wrap(svc.Machine(svc.Connect("shim", 1)), set), t.Context()})
		svc.Close()
	})
}

func (n *node) rule(line string) {
	n.Helper()
	r, err := fault.Parse(line)
	n.must(err)
	n.set.Add(r)
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

func (n *node) document() *schema.ComputeSystem {
	n.Helper()
	n.must(n.m.Layers.Activate(n.ctx, scratch))
	n.must(n.m.Layers.Prepare(n.ctx, scratch, []string{base}))
	v, err := n.m.Layers.MountPath(n.ctx, scratch)
	n.must(err)
	return &schema.ComputeSystem{SchemaVersion: schema.Version{Major: 2, Minor: 1}, ShouldTerminateOnLastHandleClosed: true,
		Container: &schema.Container{Storage: &schema.Storage{Layers: []schema.Layer{{ID: sim.NameToGUID("1"), Path: base}}, Path: v + `\`}}}
}

// calls is how often the service saw a call.
func (n *node) calls(op string) int {
	count := 0
	for _, e := range n.svc.Journal() {
		if e.Op == op {
			count++
		}
	}
	return count
}

func (n *node) running() hcs.System {
	n.Helper()
	s, err := n.m.Compute.Create(n.ctx, "web", n.document())
	n.must(err)
	n.must(s.Start(n.ctx))
	return s
}

func TestFail(t *testing.T) {
	inNode(t, func(n *node) {
		n.rule("HcsStartComputeSystem id=WEB fail 0x80370100 times=1")
		s, err := n.m.Compute.Create(n.ctx, "web", n.document())
		n.must(err)
		err = s.Start(n.ctx)
		n.is(err, hcs.ErrTerminatedDuringStart)
		if !strings.Contains(err.Error(), "fault: HcsStartComputeSystem id=WEB") {
			t.Errorf("the error does not name the rule: %v", err)
		}
		if n.calls("HcsStartComputeSystem") != 0 {
			t.Error("the call was made")
		}
		n.must(s.Start(n.ctx))
	})
}

func TestDelay(t *testing.T) {
	inNode(t, func(n *node) {
		n.rule("ActivateLayer delay 2s")
		begin := time.Now()
		n.must(n.m.Layers.Activate(n.ctx, scratch))
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("took %v", d)
		}
		ctx, cancel := context.WithTimeout(n.ctx, time.Second)
		defer cancel()
		err := n.m.Layers.Activate(ctx, scratch)
		n.is(err, hcs.ErrOperationTimeout)
		if n.calls("ActivateLayer") != 1 {
			t.Error("the call was made though its caller had given up")
		}
	})
}

func TestHang(t *testing.T) {
	inNode(t, func(n *node) {
		n.rule("ActivateLayer hang")
		ctx, cancel := context.WithTimeout(n.ctx, time.Minute)
		defer cancel()
		err := n.m.Layers.Activate(ctx, scratch)
		n.is(err, hcs.ErrOperationTimeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is no timeout", err)
		}
		time.AfterFunc(time.Hour, n.set.Clear)
		begin := time.Now()
		n.must(n.m.Layers.Activate(n.ctx, scratch))
		if d := time.Since(begin); d != time.Hour {
			t.Errorf("went on after %v", d)
		}
	})
}

func TestLose(t *testing.T) {
	inNode(t, func(n *node) {
		doc := n.document()
		n.rule("HcsCreateComputeSystem lose times=1")
		_, err := n.m.Compute.Create(n.ctx, "web", doc)
		n.is(err, hcs.ErrOperationTimeout)
		if n.calls("HcsCreateComputeSystem") != 1 {
			t.Error("the call was not made")
		}
		synctest.Wait() // the end of the system that was made goes on by itself
		if st := n.svc.State(); len(st.Systems) != 0 {
			t.Errorf("left: %+v", st.Systems)
		}
		s, err := n.m.Compute.Create(n.ctx, "web", doc)
		n.must(err)
		n.must(s.Start(n.ctx))
		n.rule("HcsTerminateComputeSystem lose 0x8037011e")
		n.is(s.Terminate(n.ctx), hcs.ErrServiceDisconnect)
		if e := <-s.Exited(); e.Type != schema.ExitForced {
			t.Errorf("exit %+v: the call was not made", e)
		}
	})
}

func TestLostProcessRuns(t *testing.T) {
	inNode(t, func(n *node) {
		s := n.running()
		n.rule("HcsCreateProcess lose times=1")
		_, err := s.Run(n.ctx, &schema.ProcessParameters{CommandLine: "wait", CreateStdOutPipe: true})
		n.is(err, hcs.ErrOperationTimeout)
		p, err := s.Properties(n.ctx, schema.PropertyProcessList)
		n.must(err)
		if len(p.ProcessList) != 1 {
			t.Errorf("processes: %+v", p.ProcessList)
		}
	})
}

func TestDropEvent(t *testing.T) {
	inNode(t, func(n *node) {
		n.rule("ProcessExited drop-event times=1")
		n.rule("SystemExited drop-event times=1")
		s := n.running()
		for i, want := range []bool{false, true} {
			p, err := s.Run(n.ctx, &schema.ProcessParameters{CommandLine: "exit 1"})
			n.must(err)
			got := false
			select {
			case <-p.Exited():
				got = true
			case <-time.After(time.Hour):
			}
			if got != want {
				t.Errorf("process %d: exit told: %t", i, got)
			}
		}
		second, err := n.m.Compute.Open(n.ctx, "web")
		n.must(err)
		n.must(s.Terminate(n.ctx))
		<-second.Exited()
		select {
		case e := <-s.Exited():
			t.Errorf("the dropped exit came: %+v", e)
		case <-time.After(time.Hour):
		}
	})
}

// TestWrapCoversEveryMethod calls every method of every interface under "everything fails". A method that is added to package hcs
// and not to Wrap gets through, and the test fails.
func TestWrapCoversEveryMethod(t *testing.T) {
	silent := []string{"ID", "Pid", "Exited", "Stdin", "Stdout", "Stderr"} // they call nothing
	inNode(t, func(n *node) {
		s := n.running()
		p, err := s.Run(n.ctx, &schema.ProcessParameters{CommandLine: "wait"})
		n.must(err)
		covered := map[fault.Call]bool{}
		for _, part := range []struct {
			value any
			kind  reflect.Type
		}{
			{n.m.Compute, reflect.TypeFor[hcs.Compute]()}, {n.m.Layers, reflect.TypeFor[hcs.Layers]()},
			{n.m.Network, reflect.TypeFor[hcs.Network]()}, {n.m.Host, reflect.TypeFor[hcs.Host]()},
			{s, reflect.TypeFor[hcs.System]()}, {p, reflect.TypeFor[hcs.Process]()},
		} {
			for i := range part.kind.NumMethod() {
				name := part.kind.Method(i).Name
				if slices.Contains(silent, name) {
					continue
				}
				n.set.Clear()
				n.rule("* fail 0x8007001d times=1")
				f := reflect.ValueOf(part.value).MethodByName(name)
				args := []reflect.Value{}
				for j := range f.Type().NumIn() {
					switch in := f.Type().In(j); {
					case in == reflect.TypeFor[context.Context]():
						args = append(args, reflect.ValueOf(n.ctx))
					case f.Type().IsVariadic() && j == f.Type().NumIn()-1:
					default:
						args = append(args, reflect.Zero(in))
					}
				}
				out := f.Call(args)
				err, _ := out[len(out)-1].Interface().(error)
				var e *hcs.Error
				if !errors.As(err, &e) || e.Code != 0x8007001d {
					t.Errorf("%v.%s was not failed: %v", part.kind, name, err)
					continue
				}
				covered[fault.Call(e.Op)] = true
			}
		}
		for call := range covered {
			if !slices.Contains(fault.Calls(), call) {
				t.Errorf("%s is not in the list of calls", call)
			}
		}
		for _, call := range []fault.Call{"HasScratch", "Facts", "DialPipe", "ListenPipe", "ResolvePath"} {
			if !covered[call] {
				t.Errorf("%s is in the list as a call in process and no method makes it", call)
			}
		}
	})
}

func TestCallsAreUnique(t *testing.T) {
	list := fault.Calls()
	slices.Sort(list)
	for i := 1; i < len(list); i++ {
		if list[i] == list[i-1] {
			t.Errorf("%s is listed twice", list[i])
		}
	}
}
