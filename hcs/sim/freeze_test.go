package sim_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// TestFreeze: a frozen process does nothing, not for its clock, nor for its input, its reader or a signal, and does it all afterwards.
func TestFreeze(t *testing.T) {
	for line, c := range map[string]struct {
		after time.Duration // that it ends after the beginning
		code  uint32
		act   func(*node, hcs.Process) // while it is frozen
	}{
		"sleep 1s; exit 3":              {10 * time.Second, 3, nil},
		"sleep 20s; exit 3":             {20 * time.Second, 3, nil},
		"spawn { sleep 1s }; exit 3":    {0, 3, nil}, // it had ended before
		"read; exit 3":                  {10 * time.Second, 3, func(n *node, p hcs.Process) { n.must(p.Stdin().Close()) }},
		"print 1MiB; exit 3":            {10 * time.Second, 3, nil},
		"on CtrlBreak { exit 3 }; wait": {10 * time.Second, 3, func(n *node, p hcs.Process) { n.must(p.Signal(n.ctx, schema.CtrlBreak)) }},
		"wait":                          {10 * time.Second, 0xC000013A, func(n *node, p hcs.Process) { n.must(p.Signal(n.ctx, schema.CtrlC)) }},
		"sleep 1m":                      {5 * time.Second, sim.TerminatedExitCode, func(n *node, p hcs.Process) { n.must(p.Terminate(n.ctx)) }},
		"sleep 1h":                      {5 * time.Second, sim.TerminatedExitCode, func(n *node, _ hcs.Process) { n.svc.Break("web") }},
	} {
		t.Run(line, func(t *testing.T) {
			inNode(t, sim.Config{}, func(n *node) {
				s := n.running("web")
				p, err := s.Run(n.ctx, &schema.ProcessParameters{CommandLine: line, CreateStdInPipe: true, CreateStdOutPipe: true})
				n.must(err)
				begin := time.Now()
				synctest.Wait() // a large output waits for its reader
				n.must(s.Freeze(n.ctx, true))
				n.must(s.Freeze(n.ctx, true))
				if !n.svc.State().Systems[0].Frozen {
					t.Error("the state does not say so")
				}
				go func() { _, _ = io.Copy(io.Discard, p.Stdout()) }()
				time.Sleep(5 * time.Second)
				if c.act != nil {
					c.act(n, p)
				}
				time.Sleep(5 * time.Second)
				if n.svc.State().Systems[0].State == schema.StateRunning {
					n.must(s.Freeze(n.ctx, false))
				}
				e := <-p.Exited()
				if got := e.ExitedAt.Sub(begin); e.Code != c.code || got != c.after {
					t.Errorf("exit %#x after %v, want %#x after %v", e.Code, got, c.code, c.after)
				}
			})
		})
	}
}

// TestFreezeLasts: what is started in a frozen container waits too; one that is not there cannot be frozen.
func TestFreezeLasts(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s, err := n.m.Compute.Create(n.ctx, "web", document(n.mount()))
		n.must(err)
		n.must(s.Freeze(n.ctx, true))
		n.must(s.Start(n.ctx))
		p := n.run(s, "exit 3")
		time.Sleep(time.Minute)
		select {
		case e := <-p.Exited():
			t.Errorf("it ran: %+v", e)
		default:
		}
		n.must(s.Freeze(n.ctx, false))
		if e := <-p.Exited(); e.Code != 3 {
			t.Errorf("exit %+v", e)
		}
		n.must(s.Terminate(n.ctx))
		<-s.Exited()
		n.is(s.Freeze(n.ctx, true), hcs.ErrFileNotFound)
	})
}
