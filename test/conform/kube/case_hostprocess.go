//go:build linux

package main

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"containerd-shim-hcs/test/conform/script"
)

var hostProcessCases = []Case{
	script.Long("hostprocess/refused-by-its-name", 90*time.Second, hostProcess),
}

// hostProcess: such a pod does not run as an ordinary one, with less rights than it asked for: it is refused, and told why. The node goes on.
func hostProcess(t *T) {
	s := t.spec(t.host("main"))
	s.HostNetwork = true
	s.SecurityContext = &corev1.PodSecurityContext{WindowsOptions: &corev1.WindowsSecurityContextOptions{
		HostProcess: ptr(true), RunAsUserName: ptr(`NT AUTHORITY\SYSTEM`),
	}}
	p := t.pod(s)
	var message string
	ok := t.Until(time.Minute, func() bool {
		message = p.last()
		return strings.Contains(message, "hostprocess") || strings.Contains(message, "host_process") // annotation, and CRI's field
	})
	t.Want(ok, "nothing tells why it does not run: %s", message)
	t.Want(of(p.get(), "main").State.Running == nil, "it runs: %s", describe(p.get()))
	p.delete(0)
	t.works()
}
