package main

import (
	"strings"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var attachCases = []Case{
	{Name: "attach/in-and-out", Run: attachBoth},
	{Name: "attach/again-after-hanging-up", Run: attachAgain},
	{Name: "attach/end-of-input-reaches-the-program", Run: attachOnce},
	{Name: "attach/terminal-and-its-size", Run: attachTerminal},
}

func (c *Container) attach(tty bool, names ...string) *Session {
	a, err := c.t.cri.Attach(c.t.Ctx, &runtime.AttachRequest{ContainerId: c.id, Tty: tty, Stdin: true, Stdout: true, Stderr: !tty})
	c.t.Must(err, "attach to %s", c.id)
	return c.t.session(a.Url, names...)
}

// withStdin gives the container an input; once: the first who attaches and goes ends it.
func withStdin(once bool) func(*runtime.ContainerConfig) {
	return func(c *runtime.ContainerConfig) { c.Stdin, c.StdinOnce = true, once }
}

func attachBoth(t *T) {
	c := t.pod().runWith(app("serve-lines"), withStdin(false))
	c.says("ready\n")
	s := c.attach(false, stdinStream, stdoutStream, stderrStream)
	s.write("hello\n")
	s.says("got: hello\n")
	c.says("got: hello\n") // in the log too
	s.hangUp()
	t.Want(c.status().State == running, "the container is %v after it", c.status().State)
	c.stop(0)
}

func attachAgain(t *T) {
	c := t.pod().runWith(app("serve-lines"), withStdin(false))
	c.says("ready\n")
	for _, word := range []string{"one", "two", "three"} {
		s := c.attach(false, stdinStream, stdoutStream, stderrStream)
		s.write(word + "\n")
		s.says("got: " + word + "\n")
		s.hangUp()
	}
	got := join(c.log(), "stdout")
	t.Want(strings.HasSuffix(got, "got: one\ngot: two\ngot: three\n"), "the log has %q", got)
}

func attachOnce(t *T) {
	c := t.pod().runWith(app("serve-lines", "--", "exit", "4"), withStdin(true))
	c.says("ready\n")
	s := c.attach(false, stdinStream, stdoutStream, stderrStream)
	s.write("last\n")
	s.says("got: last\n")
	s.closeStdin()
	c.ends(4)
	c.logs("ready\ngot: last\n", "")
}

func attachTerminal(t *T) {
	c := t.pod().runWith(app("serve-lines"), withStdin(false), func(c *runtime.ContainerConfig) { c.Tty = true })
	c.says("ready")
	s := c.attach(true, stdinStream, stdoutStream, resizeStream)
	s.resize(119, 28)
	s.write("typed\r\n")
	s.says("got: typed")
	t.sized(c, 119, 28)
	s.hangUp()
	t.Want(c.status().State == running, "the container is %v after it", c.status().State)
}
