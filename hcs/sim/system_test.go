package sim_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// create makes a system on handle h and returns nothing: the test uses the client.
func (n *node) create(h sim.Handle, id string, terminate bool) {
	n.Helper()
	doc := document(n.mount())
	doc.ShouldTerminateOnLastHandleClosed = terminate
	b, err := json.Marshal(doc)
	n.must(err)
	n.must(n.client.CreateComputeSystem(h, id, string(b)))
}

func (n *node) state(id string) schema.State {
	n.Helper()
	synctest.Wait()
	for _, s := range n.svc.State().Systems {
		if s.ID == id {
			return s.State
		}
	}
	return ""
}

func TestOrderOfCalls(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.create(1, "web", true)
		n.is(c.CreateComputeSystem(2, "WEB", "{}"), hcs.ErrInvalidJSON)
		n.is(c.ShutdownComputeSystem(1, ""), hcs.ErrInvalidState)
		_, err := c.CreateProcess(1, 3, `{"CommandLine":"wait"}`, sim.Streams{})
		n.is(err, hcs.ErrInvalidState)
		n.is(c.StartComputeSystem(1, `{"x":1}`), hcs.ErrInvalidJSON)
		n.must(c.StartComputeSystem(1, "{}"))
		n.is(c.StartComputeSystem(1, ""), hcs.ErrInvalidState)
		for _, f := range []func(sim.Handle, string) error{c.PauseComputeSystem, c.ResumeComputeSystem, c.SaveComputeSystem, c.CrashComputeSystem} {
			n.is(f(1, ""), hcs.ErrNotSupported)
		}
		n.must(c.ShutdownComputeSystem(1, ""))
		if s := n.state("web"); s != schema.StateStopped {
			t.Fatalf("state %s", s)
		}
		n.is(c.StartComputeSystem(1, ""), hcs.ErrSystemAlreadyStopped)
		n.is(c.ShutdownComputeSystem(1, ""), hcs.ErrSystemAlreadyStopped)
		n.is(c.TerminateComputeSystem(1, ""), hcs.ErrSystemAlreadyStopped)
		n.is(c.PauseComputeSystem(1, ""), hcs.ErrSystemAlreadyStopped)
		n.is(c.ModifyComputeSystem(1, `{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Update","Settings":5}`), hcs.ErrSystemAlreadyStopped)
		_, err = c.CreateProcess(1, 4, `{"CommandLine":"wait"}`, sim.Streams{})
		n.is(err, hcs.ErrInvalidState)
		_, err = c.ComputeSystemProperties(1, `{"PropertyTypes":["Statistics"]}`)
		n.is(err, hcs.ErrInvalidState)
		n.must(c.OpenComputeSystem(5, "Web")) // stopped, and held
		n.must(c.CloseComputeSystem(1))
		n.must(c.CloseComputeSystem(5))
		n.is(c.OpenComputeSystem(6, "web"), hcs.ErrSystemNotFound)
	})
}

func TestIDsAreUnique(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		n.create(1, "web", true)
		b, err := json.Marshal(document(`\\?\Volume{none}`))
		n.must(err)
		n.is(n.client.CreateComputeSystem(2, "Web", string(b)), hcs.ErrSystemAlreadyExists)
	})
}

func TestHandles(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.create(1, "web", true)
		n.is(c.CreateComputeSystem(1, "other", "{}"), hcs.ErrInvalidHandle) // used before
		n.is(c.OpenComputeSystem(1, "web"), hcs.ErrInvalidHandle)
		n.is(c.StartComputeSystem(9, ""), hcs.ErrInvalidHandle)     // never made
		n.is(c.CloseProcess(1), hcs.ErrInvalidHandle)               // of another kind
		n.is(c.OpenComputeSystem(2, "none"), hcs.ErrSystemNotFound) // failed, so not made
		n.is(c.CloseComputeSystem(2), hcs.ErrInvalidHandle)
		other := n.svc.Connect("other", 2)
		n.is(other.StartComputeSystem(1, ""), hcs.ErrInvalidHandle) // handles are each client's own
		n.must(other.OpenComputeSystem(1, "web"))
		n.must(c.CloseComputeSystem(1))
		n.is(c.CloseComputeSystem(1), hcs.ErrInvalidHandle)
		n.is(c.StartComputeSystem(1, ""), hcs.ErrInvalidHandle)
		n.is(c.Reserve(1), hcs.ErrInvalidHandle)
		n.must(other.StartComputeSystem(1, ""))
		other.Close()
		other.Close()
		n.is(other.StartComputeSystem(1, ""), hcs.ErrInvalidHandle)
	})
}

func TestLastHandle(t *testing.T) {
	for _, terminate := range []bool{true, false} {
		inNode(t, sim.Config{}, func(n *node) {
			n.create(1, "web", terminate)
			n.must(n.client.StartComputeSystem(1, ""))
			other := n.svc.Connect("other", 2)
			n.must(other.OpenComputeSystem(1, "web"))
			n.client.Close()
			if s := n.state("web"); s != schema.StateRunning {
				t.Fatalf("terminate %t: %s while a handle is open", terminate, s)
			}
			n.must(other.CloseComputeSystem(1))
			want := map[bool]schema.State{true: "", false: schema.StateRunning}[terminate]
			if s := n.state("web"); s != want {
				t.Fatalf("terminate %t: %q without a handle", terminate, s)
			}
			if !terminate { // it runs on, without an owner, and can be opened again
				n.must(other.OpenComputeSystem(2, "web"))
				n.must(other.TerminateComputeSystem(2, ""))
				n.must(other.CloseComputeSystem(2))
				if s := n.state("web"); s != "" {
					t.Fatalf("%s after the last handle of a stopped system", s)
				}
			}
		})
	}
}

func TestShutdownWaitsForProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		script   string
		patience string // WaitToKillServiceTimeout
		after    time.Duration
		code     uint32
	}{
		"default handler":    {"wait", "", 0, 0xC000013A},
		"handled":            {"on CtrlShutdown { sleep 3s; exit 4 }; wait", "", 3 * time.Second, 4},
		"ignored":            {"ignore CtrlShutdown; wait", "", 5 * time.Second, sim.TerminatedExitCode},
		"handled too slowly": {"on CtrlShutdown { sleep 9s; exit 4 }; wait", "", 5 * time.Second, sim.TerminatedExitCode},
		"with more patience": {"on CtrlShutdown { sleep 9s; exit 4 }; wait", "20000", 9 * time.Second, 4},
		"ignored by a child": {"spawn { ignore CtrlShutdown; wait }; wait", "", 5 * time.Second, 0xC000013A},
		"handled by a child": {"spawn { on CtrlShutdown { sleep 3s; exit 4 }; wait }; wait", "", 3 * time.Second, 0xC000013A},
	} {
		t.Run(name, func(t *testing.T) {
			inNode(t, sim.Config{}, func(n *node) {
				doc := document(n.mount())
				if c.patience != "" {
					doc.Container.RegistryChanges = &schema.RegistryChanges{AddValues: []schema.RegistryValue{{
						Key: &schema.RegistryKey{Hive: "System", Name: `ControlSet001\Control`}, Name: "WaitToKillServiceTimeout", Type: "String", StringValue: c.patience,
					}}}
				}
				s, err := n.m.Compute.Create(n.ctx, "web", doc)
				n.must(err)
				n.must(s.Start(n.ctx))
				p := n.run(s, c.script)
				synctest.Wait() // what it starts is there
				begin := time.Now()
				n.must(s.Shutdown(n.ctx))
				if c.after > 0 { // it goes on
					synctest.Wait()
					n.must(s.Shutdown(n.ctx)) // asked before
					_, err = s.Run(n.ctx, &schema.ProcessParameters{CommandLine: "wait"})
					n.is(err, hcs.ErrInvalidState) // no new work
				}
				e := <-s.Exited()
				if d := time.Since(begin); d != c.after || e.Type != schema.ExitGraceful {
					t.Errorf("%+v after %v, want %v", e, d, c.after)
				}
				select {
				case e := <-p.Exited():
					if e.Code != c.code {
						t.Errorf("process exit %#x", e.Code)
					}
				default:
					t.Error("the system's exit came before its process's")
				}
			})
		})
	}
}

func TestTerminateEndsAShutdown(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		n.run(s, "ignore CtrlShutdown; wait")
		begin := time.Now()
		n.must(s.Shutdown(n.ctx))
		time.Sleep(time.Second)
		n.must(s.Terminate(n.ctx))
		if e := <-s.Exited(); e.Type != schema.ExitForced || e.Status != 0 || time.Since(begin) != time.Second {
			t.Errorf("%+v after %v", e, time.Since(begin))
		}
	})
}

func TestUnexpectedExit(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		if n.svc.Break("none") {
			t.Error("broke what does not exist")
		}
		if !n.svc.Break("web") {
			t.Error("did not break it")
		}
		if e := <-s.Exited(); e.Type != schema.ExitUnexpected || uint32(e.Status) != uint32(hcs.ErrUnexpectedExit) { //nolint:gosec // bits
			t.Errorf("exit %+v", e)
		}
	})
}

func TestExitIsToldOncePerHandle(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.create(1, "web", true)
		for h := sim.Handle(2); h <= 4; h++ {
			n.must(c.OpenComputeSystem(h, "web"))
		}
		told := map[sim.Handle]int{}
		watch := func(h sim.Handle) error {
			return c.WatchSystem(h, func(schema.SystemExitStatus, error) { told[h]++ })
		}
		n.must(watch(1))
		n.is(watch(1), hcs.ErrCallbackAlreadySet)
		n.must(watch(2))
		n.must(c.CloseComputeSystem(2)) // before the exit: never told
		n.must(c.TerminateComputeSystem(1, ""))
		n.state("web")
		n.must(watch(3)) // after the exit: told at once
		n.must(c.CloseComputeSystem(4))
		n.is(watch(4), hcs.ErrInvalidHandle)
		c.Close()
		if told[1] != 1 || told[2] != 0 || told[3] != 1 || told[4] != 0 {
			t.Errorf("told %v", told)
		}
	})
}

// slowLauncher opens containers only after a while.
type slowLauncher struct {
	sim.Launcher
	err error
}

func (l slowLauncher) Open(c sim.Container) (sim.Group, error) {
	time.Sleep(time.Minute)
	if l.err != nil {
		return nil, l.err
	}
	return l.Launcher.Open(c)
}

func TestTerminateDuringStart(t *testing.T) {
	inNode(t, sim.Config{Launcher: slowLauncher{Launcher: sim.NewScripts()}}, func(n *node) {
		n.create(1, "web", true)
		started := make(chan error, 1)
		go func() { started <- n.client.StartComputeSystem(1, "") }()
		synctest.Wait()
		n.is(n.client.StartComputeSystem(1, ""), hcs.ErrInvalidState)
		n.must(n.client.TerminateComputeSystem(1, ""))
		n.is(<-started, hcs.ErrTerminatedDuringStart)
		if s := n.state("web"); s != schema.StateStopped {
			t.Errorf("state %s", s)
		}
		n.unmount()
	})
}

func TestStartThatFails(t *testing.T) {
	inNode(t, sim.Config{Launcher: slowLauncher{err: hcs.ErrImageMismatch}}, func(n *node) {
		n.create(1, "web", true)
		n.is(n.client.StartComputeSystem(1, ""), hcs.ErrImageMismatch)
		if s := n.state("web"); s != schema.StateCreated {
			t.Errorf("state %s", s)
		}
		n.must(n.client.TerminateComputeSystem(1, ""))
		n.state("web")
		n.unmount()
	})
}

func TestCreateThatIsGivenUpLeavesNothing(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		ctx, cancel := context.WithCancel(n.ctx)
		cancel()
		doc := document(n.mount())
		_, err := n.m.Compute.Create(ctx, "web", doc)
		n.is(err, hcs.ErrOperationTimeout)
		if s := n.state("web"); s != "" {
			t.Errorf("state %s", s)
		}
		s := n.created("web", doc)
		slow, cancel := context.WithTimeout(n.ctx, time.Second)
		defer cancel()
		if err := s.Start(slow); err != nil {
			t.Error(err)
		}
	})
}

// created makes a created container from a document.
func (n *node) created(id string, doc *schema.ComputeSystem) hcs.System {
	n.Helper()
	s, err := n.m.Compute.Create(n.ctx, id, doc)
	n.must(err)
	return s
}

func TestRestart(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		p := n.run(s, "wait")
		lost := 0
		n.client.OnLoss(func() { lost++ })
		n.svc.Restart()
		if e := <-s.Exited(); e.Err != hcs.ErrServiceDisconnect { //nolint:errorlint // it is that value
			t.Errorf("system exit %+v", e)
		}
		if e := <-p.Exited(); e.Err != hcs.ErrServiceDisconnect || e.Code != hcs.UnknownExit { //nolint:errorlint // it is that value
			t.Errorf("process exit %+v", e)
		}
		if lost != 1 {
			t.Errorf("told of the loss %d times", lost)
		}
		n.is(s.Start(n.ctx), hcs.ErrInvalidHandle)
		_, err := n.m.Compute.Open(n.ctx, "web")
		n.is(err, hcs.ErrSystemNotFound)
		n.unmount() // layers outlive the service
		n.running("web")
	})
}

func TestJournal(t *testing.T) {
	inNode(t, sim.Config{ServerCore: true}, func(n *node) {
		s := n.running("web")
		n.svc.ResetJournal()
		p := n.run(s, "ignore CtrlC; wait")
		ctx, cancel := context.WithTimeout(n.ctx, time.Second)
		defer cancel()
		n.is(p.Signal(ctx, schema.CtrlC), hcs.ErrOperationTimeout)
		n.is(s.Start(n.ctx), hcs.ErrInvalidState)
		var lines []string
		for _, e := range n.svc.Journal() {
			if e.Client != "shim" {
				t.Errorf("client %q", e.Client)
			}
			lines = append(lines, e.Op+" "+e.ID+" "+strings.SplitN(e.Outcome, " ", 2)[0])
		}
		want := "HcsCreateProcess web ok|HcsWatchProcess web ok|HcsSignalProcess web pending|HcsStartComputeSystem web 0x80370105"
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("journal\n%s\nwant\n%s", got, want)
		}
	})
}
