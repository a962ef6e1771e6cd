//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var logCases = []Case{
	script.Short("logs/followed", 0, logsFollowed),
	script.Long("logs/tail-and-timestamps", 0, logsTail),
	script.Long("logs/every-line", 2*time.Minute, logsWhole),
	script.Long("logs/written-in-the-last-moment", 0, logsLast),
}

// logsFollowed: lines come as they are written, and the stream ends with the container.
func logsFollowed(t *T) {
	b := t.run(with("tick", "5", "500ms"))
	r, err := t.engine.ContainerLogs(t.Ctx, b.id, client.ContainerLogsOptions{ShowStdout: true, Follow: true})
	t.Must(err, "logs")
	defer r.Close()
	text, feed := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(feed, feed, r)
		_ = feed.CloseWithError(err)
	}()
	in := bufio.NewScanner(text)
	var at []time.Time
	for n := 1; in.Scan(); n++ {
		t.Want(strings.TrimSpace(in.Text()) == fmt.Sprint(n), "line %d is %q", n, in.Text())
		at = append(at, time.Now())
	}
	t.Must(in.Err(), "follow")
	t.Want(len(at) == 5, "%d lines, want 5", len(at))
	spread := at[4].Sub(at[0])
	t.Want(spread > time.Second, "all lines came within %v: not as they were written", spread)
}

func logsTail(t *T) {
	b := t.run(with("tick", "10", "1ms"))
	b.endsWith(0)
	r, err := t.engine.ContainerLogs(t.Ctx, b.id, client.ContainerLogsOptions{ShowStdout: true, Tail: "3", Timestamps: true})
	t.Must(err, "logs")
	defer r.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, io.Discard, r)
	t.Must(err, "logs")
	var got []string
	for line := range strings.Lines(lines(out.String())) {
		stamp, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, err := time.Parse(time.RFC3339Nano, stamp)
		t.Must(err, "time of line %q", line)
		got = append(got, rest)
	}
	t.Want(strings.Join(got, " ") == "8 9 10", "the last three lines are %q", got)
}

// logsWhole: every line of a program that writes as fast as it can is there, once and in order.
func logsWhole(t *T) {
	const n = 100000
	b := t.run(with("tick", fmt.Sprint(n), "0s"))
	b.endsWith(0)
	out, _ := b.streams()
	got := strings.Fields(out)
	t.Want(len(got) == n, "%d lines, want %d", len(got), n)
	for i, line := range got {
		t.Want(line == fmt.Sprint(i+1), "line %d is %q", i+1, line)
	}
}

// logsLast: what a program writes when it is told to stop is in its log.
func logsLast(t *T) {
	b := t.run(with("trap", "exit", "4"))
	b.says("trapping")
	b.stop(20)
	b.endsWith(4)
	out, _ := b.streams()
	t.Want(strings.Contains(out, "CtrlShutdown"), "it says %q, want CtrlShutdown", out)
}
