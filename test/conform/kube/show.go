//go:build linux

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

// manifests are what the session applies; a user can do the same with the files.
//
//go:embed show/*.yaml
var manifests embed.FS

const (
	showNamespace = "show"
	showBound     = 3 * time.Minute // of one kubectl
)

// session is the one with kubectl.
type session struct {
	*script.Session
	*Env
}

// showMain is `kube show`: the exit code is 1 when a promise was not kept.
func showMain(o options) int {
	env, err := open(o)
	if err == nil {
		defer env.machine.Close()
		s := &session{Env: env, Session: &script.Session{Program: "kubectl", Bound: showBound}}
		config := filepath.Join(o.rig, "kube", "admin.kubeconfig")
		s.Command = func(ctx context.Context, args ...string) *exec.Cmd {
			return exec.CommandContext(ctx, o.kubectl, append([]string{"--kubeconfig", config, "--namespace", showNamespace}, args...)...)
		}
		if err = s.Run(s.steps()); err != nil {
			err = fmt.Errorf("%w; logs in %s", err, filepath.Join(o.rig, "log"))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube show:", err)
		return 1
	}
	return 0
}

// apply is kubectl apply of one of the manifests.
func (s *session) apply(name string) {
	text, err := manifests.ReadFile("show/" + name)
	if err != nil {
		s.Check(false, "%v", err)
		return
	}
	fmt.Printf("   (the file is test/conform/kube/show/%s)\n", name)
	_, code := s.DoWith(string(text), "apply", "-f", "-")
	s.Check(code == 0, "%s is applied", name)
}

// nothingLeft compares the machine with what it held before the session.
func (s *session) nothingLeft() {
	left := s.machine.Settle(s.before, patience)
	s.Check(left == "", "nothing is left: no compute system, process, layer, network namespace, endpoint; no file of ours %s", left)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pods, err := s.api.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	s.Check(err == nil && len(pods.Items) == 0, "Kubernetes has no pod")
	var shims []int
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		shims = nil
		for _, class := range []string{"hcs", "runhcs"} {
			list, perr := s.rig.Programs(shimExe(class))
			err = errors.Join(err, perr)
			shims = append(shims, list...)
		}
		if len(shims) == 0 {
			break
		}
	}
	s.Check(err == nil && len(shims) == 0, "no shim runs")
}
