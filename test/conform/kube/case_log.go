//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
	"containerd-shim-hcs/test/rig/winapp/burst"
)

var logCases = []Case{
	script.Long("logs/tail-since-and-timestamps", time.Minute, logOptions),
	script.Short("logs/follow-to-the-end", time.Minute, logFollow),
	script.Long("logs/previous", 90*time.Second, logPrevious),
	script.Long("logs/two-containers", time.Minute, logTwo),
	script.Long("logs/stdout-and-stderr", time.Minute, logStreams),
	script.Long("logs/long-lines", time.Minute, logLong),
}

// count is what winapp's tick prints.
func count(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

func logOptions(t *T) {
	p := t.pod(t.once(t.app("main", "tick", "40", "10ms", "--", "sleep", "4s", "--", "print", "late")))
	pod := p.ends(corev1.PodSucceeded)
	p.logs("main", count(1, 40)+"late\n")
	got := p.log(corev1.PodLogOptions{TailLines: ptr(int64(3))})
	t.Want(got == "39\n40\nlate\n", "the last three lines are %q", got)
	end := of(pod, "main").State.Terminated.FinishedAt
	since := metav1.NewTime(end.Add(-1500 * time.Millisecond))
	got = p.log(corev1.PodLogOptions{SinceTime: &since})
	t.Want(got == "late\n", "since %v there is %q", since, got)
	got = p.log(corev1.PodLogOptions{LimitBytes: ptr(int64(4))})
	t.Want(got == "1\n2\n", "the first four bytes are %q", got)
	var last time.Time
	for line := range strings.Lines(p.log(corev1.PodLogOptions{Timestamps: true})) {
		stamp, _, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		t.Must(err, "timestamp of line %q", line)
		t.Want(!at.Before(last), "the log goes back from %v to %v", last, at)
		last = at
	}
}

func logFollow(t *T) {
	p := t.pod(t.once(t.app("main", "print", "begins", "--", "tick", "60", "50ms", "--", "exit", "7")))
	p.says("main", "begins")
	got := p.got(p.follow("main"))
	t.Want(got == "begins\n"+count(1, 60), "the log that was followed is %q", got)
	p.exited("main", 7)
}

// logPrevious: that of the container before the last restart.
func logPrevious(t *T) {
	p := t.pod(t.spec(t.app("main", "pid", "--", "sleep", "1s", "--", "exit", "5")))
	p.says("main", "\n")
	first := p.log(corev1.PodLogOptions{})
	p.until("restarted once", func(pod *corev1.Pod) bool { return of(pod, "main").RestartCount == 1 })
	got, err := p.tryLog(t.Ctx, corev1.PodLogOptions{Previous: true})
	t.Must(err, "previous log")
	t.Want(got == first, "the log before the restart was %q and is %q", first, got)
	end := of(p.get(), "main").LastTerminationState.Terminated
	t.Want(end != nil && end.ExitCode == 5, "the end before the restart: %+v", end)
}

func logTwo(t *T) {
	p := t.pod(t.once(t.app("one", "print", "from one"), t.app("two", "print", "from two", "--", "err", "bad two")))
	p.ends(corev1.PodSucceeded)
	p.logs("one", "from one\n")
	got := p.log(corev1.PodLogOptions{Container: "two"})
	t.Want(strings.Contains(got, "from two\n") && strings.Contains(got, "bad two\n") && len(got) == 17, "the log of two is %q", got)
	_, err := p.tryLog(t.Ctx, corev1.PodLogOptions{Container: "three"})
	t.Want(err != nil, "there is a log of a container that is not there")
}

// logStreams: one of the two can be asked for alone (a feature of Kubernetes 1.32 that is off by default), so that an API server either
// gives just it or refuses; it never mixes them.
func logStreams(t *T) {
	p := t.pod(t.once(t.app("main", "print", "out", "--", "err", "bad", "--", "print", "out again")))
	p.ends(corev1.PodSucceeded)
	got := p.log(corev1.PodLogOptions{})
	t.Want(len(got) == len("out\nbad\nout again\n") && strings.Contains(got, "bad\n") && strings.Contains(got, "out again\n"),
		"the log is %q", got)
	stream := corev1.LogStreamStderr
	if got, err := p.tryLog(t.Ctx, corev1.PodLogOptions{Stream: &stream}); err == nil {
		t.Want(got == "bad\n" || len(got) == len("out\nbad\nout again\n"), "stderr alone is %q", got)
	}
}

// logLong: CRI's log cuts a line that is longer than 16 KiB in parts; the reader gets it whole. containerd writes a line feed for a carriage
// return and a line feed (internal/cri/io/logger.go); all other bytes come through as they are.
func logLong(t *T) {
	const n = 300_000
	p := t.pod(t.once(t.app("main", "burst", fmt.Sprint(n))))
	p.ends(corev1.PodSucceeded)
	var want bytes.Buffer
	t.Must(burst.Write(&want, n), "make the bytes")
	r, err := t.api.CoreV1().Pods(t.ns).GetLogs(p.name, &corev1.PodLogOptions{}).DoRaw(t.Ctx)
	t.Must(err, "log")
	// The last line's end is the log's own.
	got := bytes.TrimSuffix(r, []byte("\n"))
	sent := bytes.TrimSuffix(bytes.ReplaceAll(want.Bytes(), []byte("\r\n"), []byte("\n")), []byte("\n"))
	t.Want(bytes.Equal(got, sent), "of %d bytes the log has %d, or others", len(sent), len(got))
}
