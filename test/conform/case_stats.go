package main

import (
	"strings"
	"time"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
)

var statsCases = []Case{
	{Name: "stats/metrics-of-a-working-task", Run: metrics},
	{Name: "stats/cpu-time-grows", Run: metricsGrow},
	{Name: "stats/metrics-of-a-created-task-do-not-lie", Run: metricsCreated},
	{Name: "ps/init-and-execs-with-details", Run: ps},
	{Name: "ps/exec-disappears-when-it-ends", Run: psShrinks},
	{Name: "ps/user-time-is-user-time", Run: psUserTime},
}

// windows asks the metrics of the task, which must be of the one type that CRI reads.
func (b *Box) windows() *stats.WindowsContainerStatistics {
	m, err := b.task.Metrics(b.t.Ctx)
	b.t.Must(err, "metrics of %s", b.id)
	b.t.Want(m.ID == b.id, "metrics are of %q, want %q", m.ID, b.id)
	const url = "containerd.runhcs.stats.v1.Statistics"
	b.t.Want(m.Data.GetTypeUrl() == url, "type of the metrics is %q, want %q", m.Data.GetTypeUrl(), url)
	w := unpack[*stats.Statistics](b.t, m.Data, "metrics").GetWindows()
	b.t.Want(w != nil, "the metrics hold no container")
	return w
}

// burnt is the processor time of all modes.
func burnt(w *stats.WindowsContainerStatistics) time.Duration {
	return time.Duration(w.Processor.GetTotalRuntimeNS())
}

func metrics(t *T) {
	b := t.run("print", "up", "--", "burn", "60s")
	b.says("up")
	began := time.Now()
	time.Sleep(1500 * time.Millisecond)
	var w *stats.WindowsContainerStatistics
	t.Until(20*time.Second, func() bool { w = b.windows(); return burnt(w) > 50*time.Millisecond })
	age := time.Since(w.Timestamp.AsTime())
	t.Want(age.Abs() < time.Minute, "timestamp is %v old", age)
	age = began.Sub(w.ContainerStartTime.AsTime())
	t.Want(age > -time.Minute && age < time.Minute, "start time is %v before the program's first line", age)
	up := time.Duration(w.UptimeNS)
	t.Want(up > time.Second && up < time.Minute, "uptime is %v", up)
	cpu := burnt(w)
	t.Want(cpu > 50*time.Millisecond && cpu < time.Minute, "a burning program used %v of processor time", cpu)
	m := w.Memory
	t.Want(m.GetMemoryUsageCommitBytes() > 100<<10, "memory committed: %d bytes", m.GetMemoryUsageCommitBytes())
	t.Want(m.GetMemoryUsageCommitPeakBytes() >= m.GetMemoryUsageCommitBytes(), "peak %d is under the present %d", m.GetMemoryUsageCommitPeakBytes(), m.GetMemoryUsageCommitBytes())
	t.Want(m.GetMemoryUsagePrivateWorkingSetBytes() > 0, "private working set: 0 bytes")
}

func metricsGrow(t *T) {
	b := t.run("print", "up", "--", "burn", "60s")
	b.says("up")
	first := b.windows()
	time.Sleep(time.Second)
	var second *stats.WindowsContainerStatistics
	t.Until(20*time.Second, func() bool { second = b.windows(); return burnt(second)-burnt(first) > 50*time.Millisecond })
	t.Want(burnt(second)-burnt(first) > 50*time.Millisecond, "processor time went from %v to %v while a program burns", burnt(first), burnt(second))
	t.Want(second.Timestamp.AsTime().After(first.Timestamp.AsTime()), "the timestamp did not move: %v", second.Timestamp.AsTime())
	t.Want(second.UptimeNS > first.UptimeNS, "uptime did not grow: %d, %d", first.UptimeNS, second.UptimeNS)
}

// metricsCreated: before the start there may be no metrics, or an empty message; nothing that claims use.
func metricsCreated(t *T) {
	b := t.container(app("print", "x")).create(streams{})
	if m, err := b.task.Metrics(t.Ctx); err == nil {
		w := unpack[*stats.Statistics](t, m.Data, "metrics").GetWindows()
		t.Want(time.Duration(w.GetUptimeNS()) < time.Minute, "uptime of a task that has not started: %v", time.Duration(w.GetUptimeNS()))
	}
	b.start()
	b.expect(0, "x", "")
}

// details asks for the processes and their details, by pid.
func (b *Box) details() map[uint32]*runhcs.ProcessDetails {
	pids, err := b.task.Pids(b.t.Ctx)
	b.t.Must(err, "pids of %s", b.id)
	m := map[uint32]*runhcs.ProcessDetails{}
	for _, p := range pids {
		b.t.Want(p.Info != nil, "process %d has no details", p.Pid)
		d := unpack[*runhcs.ProcessDetails](b.t, p.Info, "details of a process")
		b.t.Want(d.ProcessID == p.Pid, "details of process %d are of %d", p.Pid, d.ProcessID)
		m[p.Pid] = d
	}
	return m
}

func ps(t *T) {
	b := t.host()
	p := b.run("print", "in", "--", "sleep", "60s")
	p.says("in")
	d := b.details()
	for _, w := range []struct {
		what string
		pid  uint32
	}{{"init", b.task.Pid()}, {"exec", p.p.Pid()}} {
		e := d[w.pid]
		t.Want(e != nil, "ps does not list the %s, pid %d: %v", w.what, w.pid, d)
		t.Want(strings.EqualFold(e.ImageName, "winapp.exe"), "image of the %s is %q", w.what, e.ImageName)
		age := time.Since(e.CreatedAt.AsTime())
		t.Want(age > -5*time.Second && age < time.Minute, "the %s is %v old", w.what, age)
		t.Want(e.MemoryCommitBytes > 0, "the %s commits no memory", w.what)
	}
	t.Want(d[p.p.Pid()].ExecID == p.id, "exec id of the exec is %q, want %q", d[p.p.Pid()].ExecID, p.id)
}

func psShrinks(t *T) {
	b := t.host()
	p := b.gatedExec("0")
	pid := p.p.Pid()
	t.Want(b.details()[pid] != nil, "ps does not list the running exec")
	p.release()
	p.expect(0, "up", "")
	var d map[uint32]*runhcs.ProcessDetails
	t.Until(2*time.Second, func() bool { d = b.details(); return d[pid] == nil })
	t.Want(d[pid] == nil, "ps lists the exec that has ended")
	t.Want(d[b.task.Pid()] != nil, "ps does not list the init")
}

// psUserTime: a program that burns spends its time in user mode, and next to none in the kernel.
func psUserTime(t *T) {
	b := t.run("print", "up", "--", "burn", "60s")
	b.says("up")
	var user, kernel time.Duration
	t.Until(20*time.Second, func() bool {
		d := b.details()[b.task.Pid()]
		t.Want(d != nil, "ps does not list the init")
		user, kernel = time.Duration(d.UserTime_100Ns)*100, time.Duration(d.KernelTime_100Ns)*100
		return user+kernel > 300*time.Millisecond
	})
	t.Want(user > 100*time.Millisecond && user > 2*kernel, "user time %v, kernel time %v", user, kernel)
}
