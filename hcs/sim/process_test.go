package sim_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

func TestProcessParameters(t *testing.T) {
	for doc, want := range map[string]hcs.Code{
		`{"CommandLine":"exit 0"}`:                                 0,
		`{"ApplicationName":"wait"}`:                               0,
		`{"CommandLine":"exit 0","User":"ContainerUser"}`:          0,
		`{"CommandLine":"exit 0","WorkingDirectory":"C:\\"}`:       0,
		`{"CommandLine":"exit 0","WorkingDirectory":"c:\\m\\sub"}`: 0, // below a mount
		`{"CommandLine":"exit 0","ConsoleSize":[25,80]}`:           0,
		``:                               hcs.ErrInvalidArgument,
		`{}`:                             hcs.ErrInvalidArgument,
		`[]`:                             hcs.ErrInvalidJSON,
		`{"CommandLine":"exit 0","X":1}`: hcs.ErrInvalidJSON,
		`{"CommandLine":"exit 0","CommandArgs":["a"]}`:           hcs.ErrInvalidArgument,
		`{"CommandLine":"exit 0","ConsoleSize":[25]}`:            hcs.ErrInvalidArgument,
		`{"CommandLine":"exit 0","ConsoleSize":[0,80]}`:          hcs.ErrInvalidArgument,
		`{"CommandLine":"missing.exe"}`:                          hcs.ErrFileNotFound,
		`{"CommandLine":"exit seven"}`:                           hcs.ErrBadExeFormat,
		`{"CommandLine":"exit 0","WorkingDirectory":"C:\\none"}`: hcs.ErrInvalidDirectory,
		`{"CommandLine":"exit 0","User":"somebody"}`:             hcs.ErrLogonFailure,
		`{"CommandLine":"exit 0","Environment":{"=C:":"C:\\"}}`:  0,
		`{"CommandLine":"exit 0","Environment":{"":"x"}}`:        hcs.ErrBadEnvironment,
		`{"CommandLine":"exit 0","Environment":{"A=B":"x"}}`:     hcs.ErrBadEnvironment,
		`{"CommandLine":"exit 0","CreateStdOutPipe":true}`:       hcs.ErrInvalidArgument, // no pipe was given
	} {
		inNode(t, sim.Config{}, func(n *node) {
			n.svc.Store().(*sim.Memory).AddDir(`C:\data`)
			d := document(n.mount())
			d.Container.MappedDirectories = []schema.MappedDirectory{{HostPath: `C:\data`, ContainerPath: `C:\m`}}
			s := n.created("web", d)
			n.must(s.Start(n.ctx))
			n.must(n.client.OpenComputeSystem(100, "web"))
			pid, err := n.client.CreateProcess(100, 101, doc, sim.Streams{})
			if hcs.CodeOf(err) != want || (err == nil) != (pid != 0) {
				t.Errorf("%s: pid %d, %v; want %v", doc, pid, err, want)
			}
			if err != nil {
				n.is(n.client.CloseProcess(101), hcs.ErrInvalidHandle)
			}
		})
	}
}

func TestFailedLaunchClosesTheStreams(t *testing.T) {
	for _, params := range []schema.ProcessParameters{
		{CommandLine: "missing.exe", CreateStdOutPipe: true},                      // refused by the launcher
		{CommandLine: "wait", CreateStdOutPipe: true, CommandArgs: []string{"x"}}, // refused by the model
		{CommandLine: "wait", CreateStdOutPipe: false},                            // given a stream that it did not want
	} {
		inNode(t, sim.Config{}, func(n *node) {
			n.running("web")
			n.must(n.client.OpenComputeSystem(100, "web"))
			r, w := sim.Pipe()
			_, err := n.client.CreateProcess(100, 101, text(params), sim.Streams{Stdout: w})
			if err == nil {
				t.Fatal("it runs")
			}
			if b, err := io.ReadAll(r); err != nil || len(b) > 0 {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}

func TestExitedProcess(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		c := n.client
		n.running("web")
		n.must(c.OpenComputeSystem(100, "web"))
		pid, err := c.CreateProcess(100, 101, `{"CommandLine":"sleep 1s; exit 9"}`, sim.Streams{})
		n.must(err)
		n.must(c.OpenProcess(100, 102, pid))
		n.is(c.OpenProcess(100, 103, pid+4), hcs.ErrElementNotFound)
		got, err := c.ProcessInfo(102)
		n.must(err)
		if got != pid {
			t.Errorf("pid %d, want %d", got, pid)
		}
		doc, err := c.ProcessProperties(101)
		n.must(err)
		if !strings.Contains(doc, `"ExitCode":0,"LastWaitResult":0`) || strings.Contains(doc, "Exited") {
			t.Errorf("while it runs: %s", doc)
		}
		time.Sleep(2 * time.Second)
		doc, err = c.ProcessProperties(101)
		n.must(err)
		if !strings.Contains(doc, `"Exited":true,"ExitCode":9`) {
			t.Errorf("after its exit: %s", doc)
		}
		_, err = c.ProcessInfo(101)
		n.is(err, hcs.ErrProcessAlreadyStopped)
		n.is(c.TerminateProcess(101), hcs.ErrProcessAlreadyStopped)
		n.is(c.SignalProcess(102, `{"Signal":"CtrlC"}`), hcs.ErrProcessAlreadyStopped)
		n.is(c.ModifyProcess(102, `{"Operation":"CloseHandle","CloseHandle":{"Handle":"StdIn"}}`), hcs.ErrProcessAlreadyStopped)
		n.is(c.OpenProcess(100, 104, pid), hcs.ErrElementNotFound)
		told := 0
		n.must(c.WatchProcess(102, func(st schema.ProcessStatus, err error) {
			if st.ExitCode == 9 && st.ProcessID == pid && err == nil {
				told++
			}
		}))
		n.is(c.WatchProcess(102, nil), hcs.ErrCallbackAlreadySet)
		n.must(c.CloseProcess(102))
		n.is(c.CloseProcess(102), hcs.ErrInvalidHandle)
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

func TestProcessHandleKeepsNoSystem(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		p := n.run(s, "wait")
		n.must(s.Close())
		if e := <-p.Exited(); e.Code != sim.TerminatedExitCode {
			t.Errorf("exit %+v", e)
		}
		if st := n.state("web"); st != "" {
			t.Errorf("state %s", st)
		}
	})
}

func TestModifyProcess(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		p, err := s.Run(n.ctx, &schema.ProcessParameters{
			CommandLine: "size; size-change; read; eprint done", EmulateConsole: true, ConsoleSize: []uint16{25, 80},
			CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true,
		})
		n.must(err)
		if p.Stderr() != nil {
			t.Error("a process with a console has a stderr pipe")
		}
		synctest.Wait()
		n.must(p.Resize(n.ctx, 100, 30))
		n.is(p.Resize(n.ctx, 0, 30), hcs.ErrInvalidArgument)
		n.must(p.CloseStdin(n.ctx))
		out, err := io.ReadAll(p.Stdout())
		n.must(err)
		if string(out) != "80x25\n100x30\ndone\n" {
			t.Errorf("output %q", out)
		}

		plain, err := s.Run(n.ctx, &schema.ProcessParameters{CommandLine: "wait"})
		n.must(err)
		if plain.Stdin() != nil || plain.Stdout() != nil || plain.Stderr() != nil {
			t.Error("streams that were not asked for")
		}
		n.is(plain.Resize(n.ctx, 80, 25), hcs.ErrInvalidArgument)
		n.is(plain.CloseStdin(n.ctx), hcs.ErrInvalidArgument)

		n.must(n.client.OpenComputeSystem(100, "web"))
		_, err = n.client.CreateProcess(100, 101, `{"CommandLine":"wait"}`, sim.Streams{})
		n.must(err)
		for doc, want := range map[string]hcs.Code{
			`{"Operation":"CloseHandle","CloseHandle":{"Handle":"StdOut"}}`:           hcs.ErrNotSupported,
			`{"Operation":"CloseHandle","CloseHandle":{"Handle":"Door"}}`:             hcs.ErrInvalidArgument,
			`{"Operation":"CloseHandle"}`:                                             hcs.ErrInvalidArgument,
			`{"Operation":"ConsoleSize","CloseHandle":{"Handle":"StdIn"}}`:            hcs.ErrInvalidArgument,
			`{"Operation":"Dance"}`:                                                   hcs.ErrInvalidArgument,
			`{"Operation":"CloseHandle","CloseHandle":{"Handle":"StdIn","Now":true}}`: hcs.ErrInvalidJSON,
		} {
			if err := n.client.ModifyProcess(101, doc); hcs.CodeOf(err) != want {
				t.Errorf("%s: %v, want %v", doc, err, want)
			}
		}
	})
}

func TestSignals(t *testing.T) {
	for _, sig := range []schema.Signal{schema.CtrlC, schema.CtrlBreak, schema.CtrlClose, schema.CtrlLogOff, schema.CtrlShutdown} {
		inNode(t, sim.Config{}, func(n *node) {
			s := n.running("web")
			def := n.run(s, "wait")
			handled := n.run(s, "on "+string(sig)+" print bye; exit 2")
			ignored := n.run(s, "ignore "+string(sig)+"; sleep 1s; exit 3")
			n.is(def.Signal(n.ctx, "CtrlZ"), hcs.ErrInvalidArgument)
			for _, p := range []hcs.Process{def, handled, ignored} {
				n.must(p.Signal(n.ctx, sig))
			}
			for p, want := range map[hcs.Process]uint32{def: 0xC000013A, handled: 2, ignored: 3} {
				if e := <-p.Exited(); e.Code != want {
					t.Errorf("%s: exit %#x, want %#x", sig, e.Code, want)
				}
			}
			if b, err := io.ReadAll(handled.Stdout()); err != nil || string(b) != "bye\n" {
				t.Errorf("%s: %q, %v", sig, b, err)
			}
		})
	}
}

// TestSignalsAreSerialised: on servercore a signal blocks until its process is gone, and with it everything that goes through the
// same system handle; another handle is free.
func TestSignalsAreSerialised(t *testing.T) {
	inNode(t, sim.Config{ServerCore: true}, func(n *node) {
		c := n.client
		n.running("web")
		n.must(c.OpenComputeSystem(100, "web"))
		pid := map[sim.Handle]uint32{}
		for h := sim.Handle(101); h <= 102; h++ {
			var err error
			pid[h], err = c.CreateProcess(100, h, `{"CommandLine":"ignore CtrlC; wait"}`, sim.Streams{})
			n.must(err)
		}
		order := make(chan string, 3)
		go func() {
			n.must(c.SignalProcess(101, `{"Signal":"CtrlC"}`))
			order <- "signal of the first"
		}()
		synctest.Wait()
		go func() {
			n.must(c.TerminateProcess(102))
			order <- "terminate of the second"
		}()
		synctest.Wait()
		if len(order) != 0 {
			t.Fatalf("not held up: %s", <-order)
		}
		n.must(c.OpenComputeSystem(200, "web"))
		n.must(c.OpenProcess(200, 201, pid[101]))
		n.must(c.TerminateProcess(201)) // not held up
		if got := <-order + ", " + <-order; got != "signal of the first, terminate of the second" {
			t.Errorf("order: %s", got)
		}
	})
}

func TestBlockedSignalEndsWithItsClient(t *testing.T) {
	inNode(t, sim.Config{ServerCore: true}, func(n *node) {
		s := n.running("web")
		p := n.run(s, "ignore CtrlC; wait")
		other := n.svc.Connect("other", 2)
		n.must(other.OpenComputeSystem(1, "web"))
		n.must(other.OpenProcess(1, 2, p.Pid()))
		done := make(chan error, 2)
		for range 2 { // one that blocks, and one behind it
			go func() { done <- other.SignalProcess(2, `{"Signal":"CtrlC"}`) }()
		}
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("it did not block")
		}
		other.Close()
		<-done
		<-done
		n.must(p.Terminate(n.ctx))
	})
}

func TestStreamsEndWithTheClient(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		doc := document(n.mount())
		doc.ShouldTerminateOnLastHandleClosed = false
		s := n.created("web", doc)
		n.must(s.Start(n.ctx))
		p := n.run(s, "print 1MiB; sleep 1s; exit 6") // blocks on a full pipe
		synctest.Wait()
		n.client.Close()
		if _, err := p.Stdout().Read(make([]byte, 1)); err == nil {
			t.Error("a dead process reads")
		}
		time.Sleep(2 * time.Second)
		if st := n.svc.State(); len(st.Processes) != 0 || len(st.Systems) != 1 {
			t.Errorf("%+v", st.Processes) // the process went on when its reader had gone
		}
	})
}
