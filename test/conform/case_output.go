package main

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"containerd-shim-hcs/test/rig/winapp/burst"
)

var outputCases = []Case{
	{Name: "output/stdout-and-stderr-apart", Run: apart},
	{Name: "output/complete-8MiB-then-exit-50-times", Run: complete, Limit: 6 * time.Minute},
	{Name: "output/slow-reader-gets-everything", Run: slowReader},
	{Name: "output/slow-reader-of-an-exec-gets-everything", Run: slowExecReader},
	{Name: "output/ends-when-the-program-ends", Run: childHolds},
}

func apart(t *T) {
	b := t.run("print", "to-out", "--", "err", "to-err", "--", "print", "more-out", "--", "exit", "2")
	b.expect(2, "to-out\nmore-out", "to-err")
}

// bursts checks that one process delivered a whole burst of n bytes.
func (p *Proc) bursts(n int, code uint32) {
	o := p.finish()
	p.t.Want(o.code == code, "%s: exit code %d, want %d, stderr %q", p.id, o.code, code, clip(o.err))
	p.t.Want(len(o.out) == n, "%s: %d of %d bytes arrived", p.id, len(o.out), n)
	got, want := fmt.Sprintf("%x", sha256.Sum256([]byte(o.out))), burst.Sum(int64(n))
	p.t.Want(got == want, "%s: %d bytes arrived, their sha256 is %s, want %s", p.id, n, got, want)
}

// complete: a container's output is whole when it exits right after writing, and an exec's.
func complete(t *T) {
	const n = 8 << 20
	size := strconv.Itoa(n)
	for range 5 {
		b := t.run("burst", size, "exit", "3")
		b.bursts(n, 3)
		b.remove()
	}
	b := t.run("print", "up", "--", "sleep", "600s")
	b.says("up")
	for range 45 {
		p := b.run("burst", size, "exit", "4")
		p.bursts(n, 4)
		_, err := p.p.Delete(t.Ctx)
		t.Must(err, "delete %s", p.id)
		t.Must(p.io.Close(), "close")
	}
}

// slowReader: what a program wrote before it ended reaches a reader that takes its time. The burst is larger than any pipe's
// buffer on the way, so the program or the shim has to wait for the reader.
func slowReader(t *T) {
	const n = 96 << 10
	b := t.runWith(streams{pause: 3 * time.Second}, app("burst", strconv.Itoa(n), "exit", "7"))
	b.bursts(n, 7)
}

func slowExecReader(t *T) {
	const n = 96 << 10
	b := t.run("print", "up", "--", "sleep", "60s")
	b.says("up")
	p := b.exec(streams{pause: 3 * time.Second}, app("burst", strconv.Itoa(n), "exit", "7"))
	p.start()
	p.bursts(n, 7)
}

// childHolds: a child that inherited the outputs of an exec and stays does not keep the exec's outputs open for ever.
func childHolds(t *T) {
	b := t.run("print", "up", "--", "sleep", "60s")
	b.says("up")
	b.run("print", "parent", "--", "spawn", "sleep", "30s").expect(0, "parent", "")
}
