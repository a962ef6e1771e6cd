package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"containerd-shim-hcs/test/rig/winapp/burst"
)

var execCases = []Case{
	{Name: "exec/sync-tells-output-and-code", Run: execSync},
	{Name: "exec/sync-brings-all-of-much-output", Run: execMuch},
	{Name: "exec/sync-over-its-timeout-is-ended", Run: execTimeout},
	{Name: "exec/sync-over-its-timeout-takes-its-children", Run: execTimeoutTree},
	{Name: "exec/sync-within-its-timeout", Run: execWithin},
	{Name: "exec/sync-10-at-once", Run: execMany},
	{Name: "exec/sync-does-not-wait-for-a-child", Run: execChild},
	{Name: "exec/sync-of-a-missing-program-is-told", Run: execMissing},
	{Name: "exec/sync-in-an-exited-container-refused", Run: execExited},
	{Name: "exec/sync-has-environment-and-directory", Run: execEnvironment},
	{Name: "exec/stream-in-and-out", Run: execStream},
	{Name: "exec/stream-exit-code", Run: execStreamCode},
	{Name: "exec/stream-terminal-and-its-size", Run: execTerminal},
}

func execSync(t *T) {
	c := t.pod().host()
	c.execs("print", "out", "--", "err", "bad", "--", "exit", "5").gives("out\n", "bad\n", 5)
	c.execs("exit", "0").gives("", "", 0)
	c.execs("exit", "255").gives("", "", 255)
}

func execMuch(t *T) {
	c := t.pod().host()
	const n = 4 << 20
	o := c.execs("burst", fmt.Sprint(n), "exit", "6")
	sum := sha256.Sum256([]byte(o.stdout))
	t.Want(len(o.stdout) == n && hex.EncodeToString(sum[:]) == burst.Sum(n) && o.code == 6, "%d bytes with hash %x, code %d; want %d bytes with %s, code 6",
		len(o.stdout), sum, o.code, n, burst.Sum(n))
}

// A probe that takes too long is ended, with what it has started, and costs the container nothing.
func execTimeout(t *T) { execOver(t, app("sleep", "300s")) }

func execTimeoutTree(t *T) { execOver(t, []string{"cmd", "/c", `C:\app\winapp.exe sleep 300s`}) }

func execOver(t *T, probe []string) {
	c := t.pod().host()
	before := t.holdings().Running[c.id]
	began := time.Now()
	_, err := c.tryExec(time.Second, probe)
	took := time.Since(began)
	t.Refused(err, func(err error) bool { return status.Code(err) == codes.DeadlineExceeded }, "deadline exceeded", "an exec over its timeout")
	t.Want(took > 900*time.Millisecond && took < 6*time.Second, "it took %v, with a timeout of 1 s", took)
	ok := t.Until(5*time.Second, func() bool { return t.holdings().Running[c.id] == before })
	t.Want(ok, "%d processes run in the container, %d before", t.holdings().Running[c.id], before)
	c.execs("print", "still here").gives("still here\n", "", 0)
}

func execWithin(t *T) {
	c := t.pod().host()
	o, err := c.tryExec(30*time.Second, app("print", "quick", "--", "exit", "3"))
	t.Must(err, "exec")
	o.gives("quick\n", "", 3)
}

func execMany(t *T) {
	c := t.pod().host()
	t.Each(10, func(i int) {
		word := fmt.Sprint("word-", i)
		c.execs("print", word, "--", "sleep", "300ms", "--", "exit", fmt.Sprint(i+20)).gives(word+"\n", "", int32(i)+20)
	})
}

// execChild: the exec has ended when its program has, though a child of it holds the streams.
func execChild(t *T) {
	c := t.pod().host()
	began := time.Now()
	o := c.execs("print", "parent", "--", "spawn", "sleep", "40s")
	took := time.Since(began)
	t.Want(o.stdout == "parent\n" && o.code == 0, "exec gave %q and code %d", o.stdout, o.code)
	t.Want(took < 15*time.Second, "it took %v, for a program that ends at once", took)
}

// execMissing: containerd may tell it as an error or, as other runtimes do, as a program that ended badly.
func execMissing(t *T) {
	c := t.pod().host()
	o, err := c.tryExec(0, []string{`C:\no\such\program.exe`})
	t.Want(err != nil || o.code != 0, "a program that is not there ended well")
	c.execs("print", "still here").gives("still here\n", "", 0)
}

func execExited(t *T) {
	p := t.pod()
	c := p.run("print", "x", "--", "exit", "3")
	c.ends(3)
	_, err := c.tryExec(0, app("print", "y"))
	t.Want(err != nil, "exec in a container that has exited")
	p.works()
}

func execEnvironment(t *T) {
	c := t.pod().runWith(app("print", "up", "--", "sleep", "300s"), func(c *runtime.ContainerConfig) {
		c.Envs = []*runtime.KeyValue{{Key: "CONFORM_X", Value: []byte("from the container")}}
		c.WorkingDir = `C:\Windows`
	})
	c.says("up\n")
	c.execs("env", "CONFORM_X", "--", "pwd").gives("from the container\nC:\\Windows\n", "", 0)
}

// stream begins an exec with streams.
func (c *Container) stream(tty bool, args []string, names ...string) *Session {
	r := &runtime.ExecRequest{ContainerId: c.id, Cmd: args, Tty: tty}
	for _, n := range names {
		switch n {
		case stdinStream:
			r.Stdin = true
		case stdoutStream:
			r.Stdout = true
		case stderrStream:
			r.Stderr = true
		}
	}
	a, err := c.t.cri.Exec(c.t.Ctx, r)
	c.t.Must(err, "exec in %s", c.id)
	return c.t.session(a.Url, names...)
}

func execStream(t *T) {
	c := t.pod().host()
	s := c.stream(false, app("serve-lines"), stdinStream, stdoutStream, stderrStream)
	s.says("ready\n")
	for i := range 5 {
		s.write(fmt.Sprintf("line %d\n", i))
		s.says(fmt.Sprintf("got: line %d\n", i))
	}
	s.closeStdin()
	t.Want(s.ends() == 0, "exit code %d", s.ends())
}

func execStreamCode(t *T) {
	c := t.pod().host()
	s := c.stream(false, app("print", "out", "--", "err", "bad", "--", "exit", "6"), stdoutStream, stderrStream)
	code := s.ends()
	t.Want(code == 6 && s.got(stdoutStream) == "out\n" && s.got(stderrStream) == "bad\n", "code %d, %q, %q", code, s.got(stdoutStream), s.got(stderrStream))
}

func execTerminal(t *T) {
	c := t.pod().host()
	s := c.stream(true, app("serve-lines"), stdinStream, stdoutStream, resizeStream)
	s.resize(101, 33)
	s.says("ready")
	s.write("typed\r\n")
	s.says("got: typed")
	t.sized(c, 101, 33)
	s.resize(87, 44)
	t.sized(c, 87, 44)
	s.hangUp()
	c.execs("print", "still here").gives("still here\n", "", 0)
}

// sized waits until the machine has been told the size for a process of the container.
func (t *T) sized(c *Container, width, height uint16) {
	ok := t.Until(10*time.Second, func() bool {
		for _, size := range t.holdings().Consoles[c.id] {
			if size[0] == height && size[1] == width {
				return true
			}
		}
		return false
	})
	t.Want(ok, "the machine was not told the size %dx%d but %v", width, height, t.holdings().Consoles[c.id])
}
