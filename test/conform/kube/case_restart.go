//go:build linux

package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"containerd-shim-hcs/test/conform/script"
)

var restartCases = []Case{
	script.Long("restart/crash-loop-tells-code-and-reason", 90*time.Second, restartLoop),
	script.Long("restart/on-failure", 90*time.Second, restartOnFailure),
	script.Short("restart/never", time.Minute, restartNever),
	script.Long("restart/always-after-success", time.Minute, restartAlways),
	script.Short("restart/out-of-memory-is-told", 90*time.Second, restartMemory),
	script.Long("restart/exit-code-of-32-bits", time.Minute, restartWide),
}

func restartLoop(t *T) {
	p := t.pod(t.spec(t.app("main", "print", "falls", "--", "exit", "7")))
	pod := p.until("in a crash loop", func(pod *corev1.Pod) bool {
		w := of(pod, "main").State.Waiting
		return w != nil && w.Reason == "CrashLoopBackOff" && of(pod, "main").RestartCount >= 2
	})
	last := of(pod, "main").LastTerminationState.Terminated
	t.Want(last != nil && last.ExitCode == 7 && last.Reason == "Error", "the last end is %+v", last)
	t.Want(!last.StartedAt.IsZero() && !last.FinishedAt.Time.Before(last.StartedAt.Time),
		"the last end is from %v to %v", last.StartedAt, last.FinishedAt)
	p.event("BackOff", "main")
	p.logs("main", "falls\n")
}

func restartOnFailure(t *T) {
	s := t.spec(t.app("good", "print", "done"), mount(t.app("bad", "append", `C:\v\f`, "x", "--", "type", `C:\v\f`, "--", "exit", "3"), "v", `C:\v`))
	s.RestartPolicy, s.Volumes = corev1.RestartPolicyOnFailure, []corev1.Volume{emptyDir("v")}
	p := t.pod(s)
	pod := p.until("restarted once", func(pod *corev1.Pod) bool { return of(pod, "bad").RestartCount >= 1 })
	good := of(pod, "good")
	t.Want(good.RestartCount == 0 && good.State.Terminated != nil && good.State.Terminated.Reason == "Completed", "%s", describe(pod))
	t.Want(of(pod, "bad").LastTerminationState.Terminated.ExitCode == 3, "%s", describe(pod))
	p.says("bad", "x\nx\n")
}

func restartNever(t *T) {
	p := t.pod(t.once(t.app("good", "print", "done"), t.app("bad", "sleep", "1s", "--", "exit", "3")))
	pod := p.ends(corev1.PodFailed)
	p.exited("good", 0)
	p.exited("bad", 3)
	time.Sleep(3 * time.Second)
	again := p.get()
	t.Want(of(again, "bad").RestartCount == 0 && of(again, "bad").ContainerID == of(pod, "bad").ContainerID, "%s", describe(again))
}

func restartAlways(t *T) {
	p := t.pod(t.spec(t.app("main", "print", "ends", "--", "sleep", "1s")))
	pod := p.restarted("main", 1)
	last := of(pod, "main").LastTerminationState.Terminated
	t.Want(last != nil && last.ExitCode == 0 && last.Reason == "Completed", "the last end is %+v", last)
}

// restartMemory: one that runs into its limit is told as such, one that fails below it is not.
func restartMemory(t *T) {
	over := t.app("over", "print", "up", "--", "alloc", "200M", "3s")
	over.Resources.Limits = amounts("memory=64Mi")
	under := t.app("under", "alloc", "8M", "100ms", "--", "exit", "3")
	under.Resources.Limits = amounts("memory=128Mi")
	p := t.pod(t.once(over, under))
	pod := p.ends(corev1.PodFailed)
	end := of(pod, "over").State.Terminated
	t.Want(end != nil && end.Reason == "OOMKilled" && end.ExitCode != 0, "the one over its limit: %s", describe(pod))
	p.exited("under", 3)
}

// restartWide: Windows' exit codes have 32 bits, and the API's are signed: 0xC0000005 is -1073741819.
func restartWide(t *T) {
	p := t.pod(t.once(t.app("main", "exit", "0xC0000005")))
	p.ends(corev1.PodFailed)
	p.exited("main", -1073741819)
}
