//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"

	"containerd-shim-hcs/test/conform/script"
	"containerd-shim-hcs/test/rig/winapp/burst"
)

var execCases = []Case{
	script.Short("exec/output-and-exit-codes", time.Minute, execCodes),
	script.Short("exec/stdin", time.Minute, execStdin),
	script.Long("exec/much-both-ways", time.Minute, execMuch),
	script.Long("exec/terminal-and-its-size", time.Minute, execTerminal),
	script.Long("exec/missing-program-is-an-error", time.Minute, execMissing),
	script.Long("exec/twenty-at-once", 90*time.Second, execMany),
	script.Long("exec/client-that-leaves", time.Minute, execLeaves),
}

// execCodes: the protocol of an exec has exit codes up to 255 (k8s.io/client-go/tools/remotecommand, errorDecoderV4).
func execCodes(t *T) {
	p := t.ready(t.spec(t.host("main")))
	for _, code := range []int{0, 1, 3, 255} {
		p.exec("main", nil, words("print", "out", "--", "err", "bad", "--", "exit", fmt.Sprint(code))...).gives(t, "out\n", "bad\n", code)
	}
	p.exec("main", nil, words("env", "PATH", "--", "pwd")...).gives(t, `C:\app;C:\Windows\System32;C:\Windows`+"\n"+`C:\app`+"\n", "", 0)
}

func execStdin(t *T) {
	p := t.ready(t.spec(t.host("main")))
	p.exec("main", strings.NewReader("one\ntwo\nthree"), words("cat")...).gives(t, "one\ntwo\nthree", "", 0)
	p.exec("main", strings.NewReader("a\nb\n"), words("serve-lines")...).gives(t, "ready\ngot: a\ngot: b\n", "", 0)
	p.exec("main", strings.NewReader("nobody reads it"), words("exit", "3")...).gives(t, "", "", 3)
}

func execMuch(t *T) {
	const n = 4 << 20
	p := t.ready(t.spec(t.host("main")))
	var in bytes.Buffer
	t.Must(burst.Write(&in, n), "make the bytes")
	for what, r := range map[string]result{
		"sent":  p.exec("main", nil, words("burst", fmt.Sprint(n))...),
		"there": p.exec("main", &in, words("cat")...),
	} {
		t.Must(r.err, "exec, %s", what)
		sum := sha256.Sum256([]byte(r.out))
		t.Want(hex.EncodeToString(sum[:]) == burst.Sum(n) && r.code == 0,
			"%s: %d bytes of %d, or others; exit code %d", what, len(r.out), n, r.code)
	}
}

func execTerminal(t *T) {
	p := t.ready(t.spec(t.host("main")))
	id := strings.TrimPrefix(p.id("main"), "containerd://")
	s := p.talk("exec", &corev1.PodExecOptions{Container: "main", Command: words("serve-lines"), Stdin: true, Stdout: true, TTY: true}, true)
	s.size <- remotecommand.TerminalSize{Width: 101, Height: 33}
	s.says("ready")
	s.write("typed\r\n")
	s.says("got: typed")
	sized := func(width, height uint16) {
		ok := t.Until(10*time.Second, func() bool {
			for _, size := range t.holdings().Consoles[id] {
				if size[0] == height && size[1] == width {
					return true
				}
			}
			return false
		})
		t.Want(ok, "the machine was not told the size %dx%d but %v", width, height, t.holdings().Consoles[id])
	}
	sized(101, 33)
	s.size <- remotecommand.TerminalSize{Width: 87, Height: 44}
	sized(87, 44)
	t.Must(s.in.Close(), "close stdin")
	p.exec("main", nil, words("print", "still here")...).gives(t, "still here\n", "", 0)
}

func execMissing(t *T) {
	p := t.ready(t.spec(t.host("main")))
	r := p.exec("main", nil, `C:\no\such\program.exe`)
	t.Want(r.err != nil || r.code != 0, "a program that is not there was started")
	if r.err != nil {
		t.Want(strings.Contains(r.err.Error(), "program.exe"), "the error does not name the program: %v", r.err)
	}
	r = p.exec("nobody", nil, words("exit", "0")...)
	t.Want(r.err != nil, "there is an exec in a container that is not there")
	p.exec("main", nil, words("print", "still here", "--", "exit", "4")...).gives(t, "still here\n", "", 4)
}

func execMany(t *T) {
	p := t.ready(t.spec(t.host("main")))
	t.Each(20, func(i int) {
		p.exec("main", nil, words("tick", "10", "20ms", "--", "exit", fmt.Sprint(i))...).gives(t, count(1, 10), "", i)
	})
	ok := t.Until(10*time.Second, func() bool { return processesOf(t.holdings(), p.id("main")) == 1 })
	t.Want(ok, "after 20 execs there are %d processes, want 1", processesOf(t.holdings(), p.id("main")))
}

// execLeaves: a client that breaks off harms nobody. What becomes of its program is CRI's: containerd ends it when the stream does.
func execLeaves(t *T) {
	p := t.ready(t.spec(t.host("main")))
	ctx, cancel := context.WithTimeout(t.Ctx, 2*time.Second)
	defer cancel()
	r := p.execFor(ctx, "main", nil, words("tick", "600", "100ms")...)
	t.Want(r.err != nil && strings.HasPrefix(strings.ReplaceAll(r.out, "\r", ""), "1\n2\n"), "an exec of 60 s gave after 2 s: %+v", r)
	p.exec("main", nil, words("print", "still here", "--", "exit", "4")...).gives(t, "still here\n", "", 4)
}
