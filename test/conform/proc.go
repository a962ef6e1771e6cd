package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
)

// streamBound is how long an output may take to end after the exit was told, and a program's output to arrive: far more than is
// needed, far less than a case's limit.
const streamBound = 8 * time.Second

// Proc is a process of a container: its init or an exec.
type Proc struct {
	t    *T
	id   string
	p    containerd.Process
	io   *stdio
	exit *exit // of the latest watch
}

// exit is what a Wait came to know.
type exit struct {
	told   chan struct{} // closed when it is known
	status containerd.ExitStatus
}

// outcome is how a process ended and all it wrote.
type outcome struct {
	code     uint32
	at       time.Time
	out, err string
}

// start waits for the process, then starts it: this is the order in which ctr and CRI do it.
func (p *Proc) start() {
	p.watch()
	p.t.Must(p.p.Start(p.t.Ctx), "start %s", p.id)
}

// watch issues the Wait.
func (p *Proc) watch() {
	c, err := p.p.Wait(p.t.Ctx)
	p.t.Must(err, "wait for %s", p.id)
	e := &exit{told: make(chan struct{})}
	go func() {
		e.status = <-c
		close(e.told)
	}()
	p.exit = e
}

// exited blocks until the exit has been told.
func (p *Proc) exited() containerd.ExitStatus {
	select {
	case <-p.exit.told:
		p.t.Must(p.exit.status.Error(), "wait for %s", p.id)
		return p.exit.status
	case <-p.t.Ctx.Done():
		p.t.Fail("%s: no exit was told", p.id)
		panic("unreachable")
	}
}

// running reports whether no exit is told within d.
func (p *Proc) running(d time.Duration) bool {
	select {
	case <-p.exit.told:
		return false
	case <-time.After(d):
		return true
	}
}

// finish waits for the exit and the end of the outputs.
func (p *Proc) finish() outcome {
	s := p.exited()
	o := outcome{code: s.ExitCode(), at: s.ExitTime()}
	o.out = string(p.ended("stdout", p.io.out))
	if p.io.err != nil {
		o.err = string(p.ended("stderr", p.io.err))
	}
	return o
}

func (p *Proc) ended(name string, o *output) []byte {
	bound := streamBound
	if !o.connected.Load() { // no one will come any more
		bound = time.Second
	}
	b, ok := o.wait(p.t.Ctx, bound, func(_ []byte, ended bool) bool { return ended })
	ok = ok || o.left && !o.connected.Load()
	p.t.Want(ok, "%s of %s did not end after the exit was told; it has %d bytes", name, p.id, len(b))
	return b
}

// says waits until stdout holds the text, for a while after the exit was told too.
func (p *Proc) says(text string) { p.saysWithin(3*streamBound, text) }

func (p *Proc) saysWithin(d time.Duration, text string) {
	ctx, cancel := context.WithTimeout(p.t.Ctx, d)
	defer cancel()
	go func() {
		select {
		case <-ctx.Done():
		case <-p.exit.told:
			time.AfterFunc(time.Second, cancel)
		}
	}()
	b, ok := p.io.out.wait(ctx, d, func(b []byte, ended bool) bool { return ended || bytes.Contains(b, []byte(text)) })
	p.t.Want(ok && bytes.Contains(b, []byte(text)), "%s: stdout should say %q, says %q", p.id, text, clip(string(b)))
}

// saysBytes waits until stdout has had n bytes.
func (p *Proc) saysBytes(n int) {
	b, ok := p.io.out.wait(p.t.Ctx, 3*streamBound, func(b []byte, ended bool) bool { return ended || len(b) >= n })
	p.t.Want(ok && len(b) >= n, "%s: %d bytes of stdout arrived, want %d", p.id, len(b), n)
}

// expect finishes and checks the code and the whole of both outputs.
func (p *Proc) expect(code uint32, out, errOut string) outcome {
	o := p.finish()
	p.t.Want(o.code == code, "%s: exit code %d, want %d; stdout %q stderr %q", p.id, o.code, code, clip(o.out), clip(o.err))
	p.t.Want(lines(o.out) == lines(out), "%s: stdout %q, want %q", p.id, clip(o.out), clip(out))
	p.t.Want(lines(o.err) == lines(errOut), "%s: stderr %q, want %q", p.id, clip(o.err), clip(errOut))
	return o
}

// lines makes line ends comparable: a program may write CRLF.
func lines(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n") }

// clip keeps a reason readable.
func clip(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s… (%d bytes)", s[:200], len(s))
	}
	return s
}
