//go:build linux

package main

import (
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var jobCases = []Case{
	script.Short("job/to-completion", time.Minute, jobCompletes),
	script.Long("job/back-off-limit", 90*time.Second, jobLimit),
	script.Long("job/parallel-and-indexed", 2*time.Minute, jobParallel),
	script.Long("job/deadline", time.Minute, jobDeadline),
	script.Long("job/by-the-clock", 3*time.Minute, jobCron),
}

func (t *T) job(name string, spec batchv1.JobSpec) {
	spec.Template.Labels = labels(name)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	_, err := t.api.BatchV1().Jobs(t.namespace()).Create(t.Ctx, job, metav1.CreateOptions{})
	t.Must(err, "make job %s", name)
}

// jobEnds waits for the end of a job and returns its status, and why it failed.
func (t *T) jobEnds(name string) (batchv1.JobStatus, string) {
	var last batchv1.JobStatus
	for {
		j, err := t.api.BatchV1().Jobs(t.ns).Get(t.Ctx, name, metav1.GetOptions{})
		if err == nil {
			last = j.Status
			for _, c := range last.Conditions {
				if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
					if c.Type == batchv1.JobComplete {
						return last, ""
					}
					return last, c.Reason
				}
			}
		}
		select {
		case <-t.Ctx.Done():
			t.Fail("job %s does not end: %d active, %d succeeded, %d failed: %s", name, last.Active, last.Succeeded, last.Failed, t.remains(t.ns))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func jobCompletes(t *T) {
	t.job("work", batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: t.once(t.app("main", "print", "worked"))}})
	s, failed := t.jobEnds("work")
	t.Want(failed == "" && s.Succeeded == 1 && s.Failed == 0, "%d succeeded, %d failed: %s", s.Succeeded, s.Failed, failed)
	(&Pod{t: t, name: t.podsOf("work")[0].Name}).logs("main", "worked\n")
}

func jobLimit(t *T) {
	t.job("work", batchv1.JobSpec{BackoffLimit: ptr(int32(1)), Template: corev1.PodTemplateSpec{Spec: t.once(t.app("main", "exit", "9"))}})
	s, failed := t.jobEnds("work")
	t.Want(failed == "BackoffLimitExceeded" && s.Failed == 2, "%d failed: %s", s.Failed, failed)
	for _, pod := range t.podsOf("work") {
		end := of(&pod, "main").State.Terminated
		t.Want(end != nil && end.ExitCode == 9, "%s", describe(&pod))
	}
}

func jobParallel(t *T) {
	indexed := batchv1.IndexedCompletion
	t.job("work", batchv1.JobSpec{
		Completions: ptr(int32(6)), Parallelism: ptr(int32(3)), CompletionMode: &indexed,
		Template: corev1.PodTemplateSpec{Spec: t.once(t.app("main", "env", "JOB_COMPLETION_INDEX"))},
	})
	s, failed := t.jobEnds("work")
	t.Want(failed == "" && s.Succeeded == 6 && s.CompletedIndexes == "0-5", "%d succeeded, %q: %s", s.Succeeded, s.CompletedIndexes, failed)
	var said []string
	for _, pod := range t.podsOf("work") {
		said = append(said, strings.TrimSpace((&Pod{t: t, name: pod.Name}).log(corev1.PodLogOptions{})))
	}
	slices.Sort(said)
	t.Want(strings.Join(said, " ") == "0 1 2 3 4 5", "the pods said %q", said)
}

func jobDeadline(t *T) {
	t.job("work", batchv1.JobSpec{ActiveDeadlineSeconds: ptr(int64(5)), Template: corev1.PodTemplateSpec{Spec: t.once(t.host("main"))}})
	t.podsBecome("work", "one that is Ready", allReady(1))
	_, failed := t.jobEnds("work")
	t.Want(failed == "DeadlineExceeded", "the job ended: %q", failed)
	t.podsBecome("work", "none that runs", func(pods []corev1.Pod) bool {
		return !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning })
	})
}

func jobCron(t *T) {
	spec := t.once(t.app("main", "print", "it is time"))
	cron := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Name: "clock"}, Spec: batchv1.CronJobSpec{
		Schedule:    "* * * * *",
		JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template("clock", spec)}},
	}}
	_, err := t.api.BatchV1().CronJobs(t.namespace()).Create(t.Ctx, cron, metav1.CreateOptions{})
	t.Must(err, "make a cron job")
	pods := t.podsBecome("clock", "one that has succeeded", func(pods []corev1.Pod) bool {
		return len(pods) > 0 && pods[0].Status.Phase == corev1.PodSucceeded
	})
	(&Pod{t: t, name: pods[0].Name}).logs("main", "it is time\n")
}
