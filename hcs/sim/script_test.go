package sim_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestScripts(t *testing.T) {
	for line, want := range map[string]struct {
		in, out, err string
		code         uint32
		after        time.Duration
	}{
		"exit 3":                                  {code: 3},
		"exit 0xC0000005":                         {code: 0xC0000005},
		`"print a b; exit 3"`:                     {out: "a b\n", code: 3},
		"print hello; eprint world":               {out: "hello\n", err: "world\n"},
		"print 5B":                                {out: string(sim.Pattern(5))},
		"sleep 2s; burn 1s; exit 1":               {code: 1, after: 3 * time.Second},
		"echo-stdin; exit 2":                      {in: "some\ntext", out: "some\ntext", code: 2},
		"read-line; print -; read":                {in: "one\ntwo\n", out: "one\n-\n"},
		"read-line; read-line":                    {in: "one", out: "one\n\n"},
		"env A; cwd; user":                        {out: "b\nC:\\\nContainerUser\n"},
		"repeat 3 { print x; sleep 1s }; print y": {out: "x\nx\nx\ny\n", after: 3 * time.Second},
		"repeat 3 { exit 4 }":                     {code: 4},
		"spawn { sleep 3s; print child }; print parent; exit 1": {out: "parent\nchild\n", code: 1},
		"alloc 5MiB": {},
	} {
		t.Run(line, func(t *testing.T) {
			inNode(t, sim.Config{}, func(n *node) {
				s := n.running("web")
				begin := time.Now()
				p, err := s.Run(n.ctx, &schema.ProcessParameters{
					CommandLine: line, Environment: map[string]string{"A": "b"}, WorkingDirectory: `C:\`, User: "ContainerUser",
					CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true,
				})
				n.must(err)
				if want.in != "" { // the others may be gone before a write
					_, err = io.WriteString(p.Stdin(), want.in)
					n.must(err)
				}
				n.must(p.Stdin().Close())
				if e := <-p.Exited(); e.Code != want.code || time.Since(begin) != want.after {
					t.Errorf("exit %+v after %v", e, time.Since(begin))
				}
				out, err := io.ReadAll(p.Stdout())
				n.must(err)
				errs, err := io.ReadAll(p.Stderr())
				n.must(err)
				if string(out) != want.out || string(errs) != want.err {
					t.Errorf("stdout %q, stderr %q", out, errs)
				}
			})
		})
	}
}

func TestScriptErrors(t *testing.T) {
	for line, want := range map[string]hcs.Code{
		"missing.exe -x":      hcs.ErrFileNotFound,
		`C:\app\missing.exe`:  hcs.ErrFileNotFound,
		"   ":                 hcs.ErrFileNotFound,
		"sleep":               hcs.ErrBadExeFormat,
		"sleep long":          hcs.ErrBadExeFormat,
		"exit 3; missing.exe": hcs.ErrBadExeFormat,
		"print":               hcs.ErrBadExeFormat,
		`print "a; b"`:        hcs.ErrBadExeFormat, // quotes do not protect a semicolon
		"wait now":            hcs.ErrBadExeFormat,
		"alloc much":          hcs.ErrBadExeFormat,
		"ignore CtrlZ":        hcs.ErrBadExeFormat,
		"on CtrlZ exit 1":     hcs.ErrBadExeFormat,
		"on CtrlC { exit 1":   hcs.ErrBadExeFormat,
		"exit 1 }":            hcs.ErrBadExeFormat,
		"repeat x { exit 1 }": hcs.ErrBadExeFormat,
		"repeat 2 exit 1":     hcs.ErrBadExeFormat,
		"spawn missing.exe":   hcs.ErrBadExeFormat,
		"exit 4294967296":     hcs.ErrBadExeFormat,
	} {
		inNode(t, sim.Config{}, func(n *node) {
			_, err := n.running("web").Run(n.ctx, &schema.ProcessParameters{CommandLine: line})
			if hcs.CodeOf(err) != want {
				t.Errorf("%q: %v, want %v", line, err, want)
			}
		})
	}
}

// TestChildHoldsStdout: the parent's exit is told while a child still holds the stream; the stream ends with the child.
func TestChildHoldsStdout(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		begin := time.Now()
		p := n.run(s, "spawn sleep 10s; print parent; exit 1")
		if e := <-p.Exited(); e.Code != 1 || time.Since(begin) != 0 {
			t.Errorf("exit %+v after %v", e, time.Since(begin))
		}
		props, err := s.Properties(n.ctx, schema.PropertyProcessList)
		n.must(err)
		if len(props.ProcessList) != 1 || props.ProcessList[0].ProcessID == p.Pid() || props.ProcessList[0].ImageName != "sleep.exe" {
			t.Errorf("processes %+v", props.ProcessList)
		}
		_, err = s.OpenProcess(n.ctx, props.ProcessList[0].ProcessID)
		n.is(err, hcs.ErrElementNotFound) // the service did not start it
		if b, err := io.ReadAll(p.Stdout()); err != nil || string(b) != "parent\n" || time.Since(begin) != 10*time.Second {
			t.Errorf("%q, %v after %v", b, err, time.Since(begin))
		}
	})
}

func TestBackPressure(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		p := n.run(n.running("web"), "print 65537B; exit 1")
		time.Sleep(time.Hour)
		select {
		case e := <-p.Exited():
			t.Fatalf("65537 bytes fit a pipe of 65536: %+v", e)
		default:
		}
		_, err := io.ReadFull(p.Stdout(), make([]byte, 1))
		n.must(err)
		<-p.Exited()
		if b, err := io.ReadAll(p.Stdout()); err != nil || len(b) != 65536 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}

func TestKillTakesAProcessOffItsPipe(t *testing.T) {
	for _, line := range []string{"print 1MiB", "echo-stdin", "read-line", "size-change", "wait", "repeat 4294967295 { print x }", "on CtrlC { print 1MiB }; wait"} {
		inNode(t, sim.Config{}, func(n *node) {
			p := n.run(n.running("web"), line)
			if strings.HasPrefix(line, "on") {
				n.must(p.Signal(n.ctx, schema.CtrlC))
			}
			synctest.Wait()
			n.must(p.Terminate(n.ctx))
			if e := <-p.Exited(); e.Code != sim.TerminatedExitCode {
				t.Errorf("%s: %+v", line, e)
			}
		})
	}
}
