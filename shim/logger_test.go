package shim

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

const loggerPath = `C:\loggers\log.exe`

// logged is what logging programs were given.
type logged struct {
	n  *node
	mu sync.Mutex
	// by CONTAINER_ID
	out, err map[string]string
	started  []hcs.Program
	ended    int
}

// logging puts a logging program on the machine. It connects to its pipes, does what ready says with the third, reads the other two as read
// says, and ends with code.
func (n *node) logging(ready func(net.Conn), read func(context.Context, io.Reader) string, code uint32) *logged {
	l := &logged{n: n, out: map[string]string{}, err: map[string]string{}}
	n.svc.AddProgram(loggerPath, func(ctx context.Context, p hcs.Program) (uint32, string) {
		l.mu.Lock()
		l.started = append(l.started, p)
		l.mu.Unlock()
		env := map[string]string{}
		for _, e := range p.Env {
			k, v, _ := strings.Cut(e, "=")
			env[k] = v
		}
		client := n.svc.Connect("log.exe", 99)
		defer client.Close()
		dial := func(name string) net.Conn {
			c, err := n.svc.Machine(client).Host.DialPipe(ctx, env["CONTAINER_"+name])
			if err != nil {
				n.t.Errorf("logger: %v", err)
			}
			return c
		}
		stdout, stderr, wait := dial("STDOUT"), dial("STDERR"), dial("WAIT")
		ready(wait)
		var streams sync.WaitGroup
		for _, s := range []struct {
			from net.Conn
			to   map[string]string
		}{{stdout, l.out}, {stderr, l.err}} {
			streams.Go(func() {
				text := read(ctx, s.from)
				l.mu.Lock()
				defer l.mu.Unlock()
				s.to[env["CONTAINER_ID"]] += text
			})
		}
		streams.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended++
		return code, "some reason"
	})
	return l
}

func sayReady(c net.Conn) { _, _ = c.Write([]byte{0}); _ = c.Close() }

func readAll(_ context.Context, r io.Reader) string {
	b, _ := io.ReadAll(r)
	return string(b)
}

// logTo sends both outputs to the program.
func logTo(uri string) (func(*taskapi.CreateTaskRequest), func(*taskapi.ExecProcessRequest)) {
	return func(r *taskapi.CreateTaskRequest) { r.Stdout, r.Stderr = uri, uri },
		func(r *taskapi.ExecProcessRequest) { r.Stdout, r.Stderr = uri, uri }
}

// withLogger creates a container of a script whose outputs go to a URI.
func (n *node) withLogger(script, uri string) error {
	init, _ := logTo(uri)
	r := n.bare(spec(script))
	init(r)
	_, err := n.task.Create(n.t.Context(), r)
	return err
}

// TestLogger: a logging program per process, with the arguments of its URI in their order; all of both outputs reaches it, and it ends
// by itself after them.
func TestLogger(t *testing.T) {
	for scheme, ready := range map[string]func(net.Conn){
		"binary":    func(c net.Conn) { _ = c.Close() }, // as programs did that were built before the other scheme
		"binary-v2": sayReady,
	} {
		run(t, sim.Config{}, func(t *testing.T, n *node) {
			l := n.logging(ready, readAll, 0)
			uri := scheme + `:///C:/loggers/log.exe?z=1&a=two%20words&flag&m=%3D`
			if err := n.withLogger("print 300KiB; eprint hello; wait", uri); err != nil {
				t.Fatal(err)
			}
			n.start("")
			_, exec := logTo(uri)
			if err := n.exec("x", "print in; eprint exec", exec); err != nil {
				t.Fatal(err)
			}
			n.start("x")
			n.wait("x")
			if _, err := n.delete("x"); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second) // it has said all
			n.end()
			synctest.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.out[n.id]) != 300<<10 || l.err[n.id] != "hello\n" || l.out["x"] != "in\n" || l.err["x"] != "exec\n" || l.ended != 2 {
				t.Errorf("%s: %d bytes, %q, %q, %q; %d programs have ended", scheme, len(l.out[n.id]), l.err[n.id], l.out["x"], l.err["x"], l.ended)
			}
			for i, p := range l.started {
				if want := []string{"z", "1", "a", "two words", "flag", "m", "="}; !slices.Equal(p.Args, want) {
					t.Errorf("%s: arguments %q, want %q", scheme, p.Args, want)
				}
				if want := []string{"CONTAINER_ID=" + []string{n.id, "x"}[i], "CONTAINER_NAMESPACE=" + ns}; !slices.Equal(p.Env[:2], want) {
					t.Errorf("%s: environment %q, want %q", scheme, p.Env, want)
				}
			}
			if len(l.started) == 2 && l.started[0].Env[2] == l.started[1].Env[2] {
				t.Errorf("%s: two programs had the same pipe", scheme)
			}
		})
	}
}

// TestLoggerOfATerminal: it has one stream; the other ends at once.
func TestLoggerOfATerminal(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		l := n.logging(sayReady, readAll, 0)
		r := n.bare(spec("print screen", func(s *specs.Spec) { s.Process.Terminal = true }))
		r.Terminal, r.Stdout, r.Stderr = true, "binary:///C:/loggers/log.exe", ""
		if _, err := n.task.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		n.start("")
		n.wait("")
		_, _ = n.delete("")
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		if !strings.Contains(l.out[n.id], "screen") || l.err[n.id] != "" || l.ended != 1 {
			t.Errorf("%q, %q, %d have ended", l.out[n.id], l.err[n.id], l.ended)
		}
	})
}

// TestLoggerThatIsNotReady: the create fails with the reason, in its bound, and leaves no program behind.
func TestLoggerThatIsNotReady(t *testing.T) {
	never := func(ctx context.Context, _ hcs.Program) (uint32, string) { <-ctx.Done(); return 0, "" }
	for name, c := range map[string]struct {
		scheme string
		does   sim.Behaviour
		code   codes.Code
		says   string
	}{
		"is not there":        {"binary", nil, codes.NotFound, "log.exe"},
		"crashes":             {"binary", func(context.Context, hcs.Program) (uint32, string) { return 0xC0000005, "no config" }, codes.FailedPrecondition, "ended with 3221225477 before it was ready: no config"},
		"does not connect":    {"binary", never, codes.DeadlineExceeded, "not connected"},
		"is silent":           {"binary-v2", connects(never), codes.DeadlineExceeded, "not ready"},
		"crashes, connected":  {"binary", connects(func(context.Context, hcs.Program) (uint32, string) { return 3, "disk" }), codes.FailedPrecondition, "ended with 3 before it was ready: disk"},
		"hangs up, as it may": {"binary-v2", connects(hangsUp), codes.FailedPrecondition, "without a word"},
	} {
		run(t, sim.Config{}, func(t *testing.T, n *node) {
			lives := make(chan struct{})
			close(lives)
			if c.does != nil {
				n.svc.AddProgram(loggerPath, func(ctx context.Context, p hcs.Program) (uint32, string) {
					lives = make(chan struct{})
					defer close(lives)
					client := n.svc.Connect("log.exe", 99)
					defer client.Close()
					return c.does(context.WithValue(ctx, hostKey{}, n.svc.Machine(client).Host), p)
				})
			}
			began := time.Now()
			err := n.withLogger("wait", c.scheme+":///C:/loggers/log.exe")
			if status.Code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) || time.Since(began) > 11*time.Second {
				t.Errorf("%s: %v after %v, want %v that says %s", name, err, time.Since(began), c.code, c.says)
			}
			synctest.Wait()
			select {
			case <-lives:
			default:
				t.Errorf("%s: the program still runs", name)
			}
			if held := n.svc.Held(); len(held) > 0 {
				t.Errorf("%s: left: %v", name, held)
			}
			if left := n.shim.Pipes(`\\.\pipe\containerd-shim-hcs-log-`); left > 0 {
				t.Errorf("%s: the shim holds %d ends of the program's pipes", name, left)
			}
		})
	}
}

type hostKey struct{}

// connects dials the three pipes before it does something, and keeps them open until that is done.
func connects(then sim.Behaviour) sim.Behaviour {
	return func(ctx context.Context, p hcs.Program) (uint32, string) {
		conns := map[string]net.Conn{}
		for _, e := range p.Env[2:] {
			name, pipe, _ := strings.Cut(e, "=")
			c, err := ctx.Value(hostKey{}).(hcs.Host).DialPipe(ctx, pipe)
			if err != nil {
				return 1, err.Error()
			}
			defer c.Close()
			conns[name] = c
		}
		return then(context.WithValue(ctx, waitKey{}, conns["CONTAINER_WAIT"]), p)
	}
}

type waitKey struct{}

// hangsUp closes the wait pipe and goes on.
func hangsUp(ctx context.Context, _ hcs.Program) (uint32, string) {
	_ = ctx.Value(waitKey{}).(net.Conn).Close()
	<-ctx.Done()
	return 0, ""
}

// TestLoggerThatFailsLater: whatever a logging program does, the container ends as it would without it.
func TestLoggerThatFailsLater(t *testing.T) {
	for name, c := range map[string]struct {
		read func(context.Context, io.Reader) string
		took time.Duration // at most
	}{
		"hangs": {func(ctx context.Context, _ io.Reader) string { <-ctx.Done(); return "" }, 31 * time.Second},
		"reads a little and hangs": {func(ctx context.Context, r io.Reader) string {
			_, _ = io.ReadFull(r, make([]byte, 1000))
			<-ctx.Done()
			return ""
		}, 31 * time.Second},
		"ends": {func(context.Context, io.Reader) string { time.Sleep(time.Second); return "" }, 2 * time.Second},
	} {
		run(t, sim.Config{}, func(t *testing.T, n *node) {
			l := n.logging(sayReady, c.read, 7)
			n.create(spec("wait"))
			n.start("")
			_, exec := logTo("binary:///C:/loggers/log.exe")
			if err := n.exec("x", "print 1MiB; eprint end; print 1MiB; exit 5", exec); err != nil {
				t.Fatal(err)
			}
			n.start("x")
			began := time.Now()
			if r := n.wait("x"); r.ExitStatus != 5 || time.Since(began) > c.took {
				t.Errorf("%s: ended with %d after %v, want 5 within %v", name, r.ExitStatus, time.Since(began), c.took)
			}
			if _, err := n.delete("x"); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
			time.Sleep(15 * time.Second) // a program that does not end when it has all is ended
			synctest.Wait()
			l.mu.Lock()
			if l.ended != 1 {
				t.Errorf("%s: the program still runs", name)
			}
			l.mu.Unlock()
			n.end()
		})
	}
}

func TestLoggerRefused(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.logging(sayReady, readAll, 0)
		for _, c := range []struct{ stdout, stderr, says string }{
			{"binary:///C:/loggers/log.exe", "binary:///C:/loggers/log.exe?other", "stderr"},
			{"binary:///C:/loggers/log.exe", "file:///C:/x.log", "stderr"},
			{"", "binary:///C:/loggers/log.exe", "stderr"},
			{"binary://host/log.exe", "", "binary://host/log.exe"},
			{"binary:///", "", "binary:///"},
			{"binary:///C:/log.exe?a=%zz", "", "%zz"},
		} {
			r := n.bare(spec("wait"))
			r.Stdout, r.Stderr = c.stdout, c.stderr
			_, err := n.task.Create(t.Context(), r)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%s, %s: %v", c.stdout, c.stderr, err)
			}
		}
	})
}
