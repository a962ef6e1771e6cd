package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"containerd-shim-hcs/test/rig/winapp/burst"
)

var logCases = []Case{
	{Name: "log/lines-in-order-with-times", Run: logOrder},
	{Name: "log/whole-when-the-container-has-exited", Run: logWhole},
	{Name: "log/long-lines-in-parts", Run: logLong},
	{Name: "log/both-streams", Run: logStreams},
	{Name: "log/reopen", Run: logReopen},
	{Name: "log/container-without-one", Run: logNone},
}

// ticks is what `winapp tick n` prints.
func ticks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

func logOrder(t *T) {
	began := time.Now()
	c := t.pod().run("tick", "40", "10ms", "--", "exit", "3")
	c.ends(3)
	c.logs(ticks(40), "")
	list := c.log()
	for i, e := range list {
		t.Want(e.full, "line %d is told as a part", i)
		last := list[max(i-1, 0)].at
		t.Want(!e.at.Before(last), "line %d is of %v, the one before of %v", i, e.at, last)
	}
	first, last := list[0].at, list[len(list)-1].at
	t.Want(first.After(began.Add(-time.Second)) && last.Before(time.Now().Add(time.Second)), "the lines are of %v to %v", first, last)
	t.Want(last.Sub(first) > 200*time.Millisecond, "the lines came within %v, and were written over 390 ms", last.Sub(first))
}

// logWhole: nobody waits for a log after the exit is told; so all of it must be there. containerd takes a carriage return before a line
// feed for a part of the line's end.
func logWhole(t *T) {
	const n = 8 << 20
	c := t.pod().run("burst", fmt.Sprint(n), "exit", "5")
	c.ends(5)
	var b strings.Builder
	t.Must(burst.Write(&b, n), "make the stream")
	got, want := join(c.log(), "stdout"), strings.ReplaceAll(b.String(), "\r\n", "\n")
	t.Want(got == want, "the log has %d bytes with hash %x, want %d with %x", len(got), sha256.Sum256([]byte(got)), len(want), sha256.Sum256([]byte(want)))
}

func logLong(t *T) {
	long := strings.Repeat("0123456789abcdef", 25<<10/16)
	c := t.pod().run("print", long, "--", "print", "short")
	c.ends(0)
	c.logs(long+"\nshort\n", "")
	list := c.log()
	t.Want(len(list) == 3 && !list[0].full && list[1].full && list[2].full, "%d entries, want a part, the rest of the line, and another line", len(list))
}

func logStreams(t *T) {
	c := t.pod().run("print", "a", "--", "err", "b", "--", "print", "c", "--", "err", "d")
	c.ends(0)
	c.logs("a\nc\n", "b\nd\n")
}

// logReopen is a rotation: the file is moved away and opened again while the program writes.
func logReopen(t *T) {
	c := t.pod().run("tick", "100", "20ms", "--", "exit", "2")
	c.says("20\n")
	moved := c.logPath() + ".1"
	t.Must(os.Rename(c.logPath(), moved), "move the log")
	_, err := t.cri.ReopenContainerLog(t.Ctx, &runtime.ReopenContainerLogRequest{ContainerId: c.id})
	t.Must(err, "reopen the log")
	c.ends(2)
	b, err := os.ReadFile(moved)
	t.Must(err, "log that was moved")
	old, err := parseLog(string(b))
	t.Must(err, "log that was moved")
	now := c.log()
	t.Want(len(old) >= 20 && len(now) > 0, "%d lines in the old file, %d in the new one", len(old), len(now))
	got := join(append(old, now...), "stdout")
	t.Want(got == ticks(100), "both files have %q", clip(got))
}

// logNone: a container without a log path runs all the same.
func logNone(t *T) {
	p := t.pod()
	c := p.runWith(app("print", "lost", "--", "exit", "6"), func(c *runtime.ContainerConfig) { c.LogPath = "" })
	c.ends(6)
	p.works()
}
