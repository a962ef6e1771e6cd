//go:build linux

package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"containerd-shim-hcs/test/conform/script"
)

var attachCases = []Case{
	script.Short("attach/output-and-input", time.Minute, attachTalks),
	script.Long("attach/ends-with-the-container", time.Minute, attachEnds),
	script.Long("attach/terminal", time.Minute, attachTerminal),
}

// talker is a container that answers lines.
func (t *T) talker() corev1.Container {
	c := t.app("main", "serve-lines", "--", "exit", "6")
	c.Stdin = true
	return c
}

func attachTalks(t *T) {
	p := t.ready(t.spec(t.talker()))
	for _, word := range []string{"first", "second"} { // one client after the other
		s := p.talk("attach", &corev1.PodAttachOptions{Container: "main", Stdin: true, Stdout: true, Stderr: true}, false)
		s.write(word + "\n")
		s.says("got: " + word + "\n")
		t.Must(s.in.Close(), "close stdin")
	}
	p.logs("main", "ready\ngot: first\ngot: second\n")
	t.Want(isReady(p.get()), "the container ended with its client's input: %s", describe(p.get()))
}

// attachEnds: stdinOnce makes the end of the first client's input the container's, and the end of the container is the stream's.
func attachEnds(t *T) {
	c := t.talker()
	c.StdinOnce = true
	p := t.pod(t.once(c))
	p.says("main", "ready")
	s := p.talk("attach", &corev1.PodAttachOptions{Container: "main", Stdin: true, Stdout: true, Stderr: true}, false)
	s.write("only\n")
	s.says("got: only\n")
	t.Must(s.in.Close(), "close stdin")
	t.Must(s.ends(), "attach")
	p.exited("main", 6)
	p.logs("main", "ready\ngot: only\n")
}

func attachTerminal(t *T) {
	c := t.talker()
	c.TTY = true
	p := t.ready(t.spec(c))
	s := p.talk("attach", &corev1.PodAttachOptions{Container: "main", Stdin: true, Stdout: true, TTY: true}, true)
	s.write("typed\r\n")
	s.says("got: typed")
	t.Must(s.in.Close(), "close stdin")
}
