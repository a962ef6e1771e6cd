//go:build linux

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// manifests are what the session applies; a user can do the same with the files.
//
//go:embed show/*.yaml
var manifests embed.FS

const (
	showNamespace = "show"
	showBound     = 3 * time.Minute // of one kubectl
)

// session is a script in which each step prints what it does, what came of it, and whether that is as promised. It goes on after a failure, so
// that one run tells all.
type session struct {
	*Env
	kubectl string
	failed  int
}

// showMain is `kube show`: the exit code is 1 when a promise was not kept.
func showMain(o options) int {
	env, err := open(o)
	if err == nil {
		defer env.machine.Close()
		s := &session{Env: env, kubectl: o.kubectl}
		err = s.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube show:", err)
		return 1
	}
	return 0
}

func (s *session) run() error {
	began := time.Now()
	for _, step := range showSteps {
		fmt.Println("\n== " + step.title)
		step.run(s)
	}
	fmt.Printf("\nThe session took %.0f s.\n", time.Since(began).Seconds())
	if s.failed > 0 {
		return fmt.Errorf("%d of the promises above were not kept; logs in %s", s.failed, filepath.Join(s.o.rig, "log"))
	}
	fmt.Println("All as promised.")
	return nil
}

// check states a promise.
func (s *session) check(ok bool, format string, args ...any) {
	mark := "ok  "
	if !ok {
		mark = "FAIL"
		s.failed++
	}
	fmt.Printf("   %s %s\n", mark, fmt.Sprintf(format, args...))
}

// command is a kubectl in the session's namespace, as it is printed.
func (s *session) command(ctx context.Context, args ...string) *exec.Cmd {
	fmt.Printf("   $ kubectl %s\n", strings.Join(quoted(args), " "))
	return s.silent(ctx, args...)
}

// silent is one that is not printed.
func (s *session) silent(ctx context.Context, args ...string) *exec.Cmd {
	config := filepath.Join(s.o.rig, "kube", "admin.kubeconfig")
	cmd := exec.CommandContext(ctx, s.kubectl, append([]string{"--kubeconfig", config, "--namespace", showNamespace}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// do runs and shows one, and returns its output and exit code.
func (s *session) do(args ...string) (string, int) { return s.doWith("", args...) }

// doWith gives it an input.
func (s *session) doWith(input string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(context.Background(), showBound)
	defer cancel()
	cmd := s.command(ctx, args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	text := strings.ReplaceAll(out.String(), "\r\n", "\n")
	s.print(text)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		s.check(false, "no end within %v", showBound)
		return text, -1
	case errors.As(err, &exit):
		return text, exit.ExitCode()
	case err != nil:
		s.check(false, "%v", err)
		return text, -1
	}
	return text, 0
}

func (s *session) print(text string) {
	for line := range strings.Lines(text) {
		fmt.Printf("     %s\n", strings.TrimRight(line, "\r\n"))
	}
}

// succeeds is one that must end with code 0; its output is returned.
func (s *session) succeeds(args ...string) string {
	out, code := s.do(args...)
	if code != 0 {
		s.check(false, "exit code %d", code)
	}
	return out
}

// waits asks until the answer is the wanted one, and shows the last time.
func (s *session) waits(want, what string, args ...string) {
	end := time.Now().Add(showBound)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), showBound)
		out, err := s.silent(ctx, args...).Output()
		cancel()
		if err == nil && strings.Contains(string(out), want) || time.Now().After(end) {
			break
		}
		time.Sleep(300 * time.Millisecond)
	}
	out, _ := s.do(args...)
	s.check(strings.Contains(out, want), "%s", what)
}

// beside starts one that runs beside the session; the returned function waits for its end, or brings it about.
func (s *session) beside(input string, args ...string) (out *output, end func(patience time.Duration)) {
	ctx, cancel := context.WithTimeout(context.Background(), showBound)
	cmd := s.command(ctx, args...)
	out = &output{}
	cmd.Stdout, cmd.Stderr = out, out
	// Its standard input stays open: containerd ends an attach at the end of that, whatever the program still has to say.
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.check(false, "%v", err)
		cancel()
		return out, func(time.Duration) {}
	}
	_, _ = io.WriteString(stdin, input) // the output of one that has ended tells why
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its output tells
		close(done)
	}()
	return out, func(patience time.Duration) {
		select {
		case <-done:
		case <-time.After(patience):
		}
		_ = stdin.Close()
		cancel()
		<-done
	}
}

// until waits for a text in what runs beside.
func (o *output) until(text string, d time.Duration) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if strings.Contains(o.String(), text) {
			return true
		}
	}
	return false
}

// apply is kubectl apply of one of the manifests.
func (s *session) apply(name string) {
	text, err := manifests.ReadFile("show/" + name)
	if err != nil {
		s.check(false, "%v", err)
		return
	}
	fmt.Printf("   (the file is test/conform/kube/show/%s)\n", name)
	_, code := s.doWith(string(text), "apply", "-f", "-")
	s.check(code == 0, "%s is applied", name)
}

func quoted(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if strings.ContainsAny(a, " {}\"\\") {
			out[i] = "'" + a + "'"
		}
	}
	return out
}

// nothingLeft compares the machine with what it held before the session.
func (s *session) nothingLeft() {
	left := s.machine.Settle(s.before, patience)
	s.check(left == "", "nothing is left: no compute system, process, layer, network namespace, endpoint; no file of ours %s", left)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pods, err := s.api.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	s.check(err == nil && len(pods.Items) == 0, "Kubernetes has no pod")
	var shims []int
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		shims = nil
		for _, class := range []string{"hcs", "runhcs"} {
			list, perr := s.rig.programs(shimExe(class))
			err = errors.Join(err, perr)
			shims = append(shims, list...)
		}
		if len(shims) == 0 {
			break
		}
	}
	s.check(err == nil && len(shims) == 0, "no shim runs")
}
