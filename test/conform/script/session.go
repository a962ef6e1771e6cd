package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Session is a script for people: each step prints the commands of one program, what came of them, and whether that is as promised. It goes
// on after a failure, so that one run tells all.
type Session struct {
	Program string                                              // its name, as it is shown
	Command func(ctx context.Context, args ...string) *exec.Cmd // prepares a call of it
	Bound   time.Duration                                       // of one call
	failed  int
}

// Step is a part of a session.
type Step struct {
	Title string
	Run   func()
}

// Run runs the steps, and fails when a promise was not kept.
func (s *Session) Run(steps []Step) error {
	began := time.Now()
	for _, step := range steps {
		fmt.Println("\n== " + step.Title)
		step.Run()
	}
	fmt.Printf("\nThe session took %.0f s.\n", time.Since(began).Seconds())
	if s.failed > 0 {
		return fmt.Errorf("%d of the promises above were not kept", s.failed)
	}
	fmt.Println("All as promised.")
	return nil
}

// Check states a promise.
func (s *Session) Check(ok bool, format string, args ...any) {
	mark := "ok  "
	if !ok {
		mark = "FAIL"
		s.failed++
	}
	fmt.Printf("   %s %s\n", mark, fmt.Sprintf(format, args...))
}

// Print shows what a command has written.
func (s *Session) Print(text string) {
	for line := range strings.Lines(text) {
		fmt.Printf("     %s\n", strings.TrimRight(line, "\r\n"))
	}
}

// shown prepares a call and prints it.
func (s *Session) shown(ctx context.Context, args []string) *exec.Cmd {
	fmt.Printf("   $ %s %s\n", s.Program, strings.Join(quoted(args), " "))
	return s.silent(ctx, args)
}

func (s *Session) silent(ctx context.Context, args []string) *exec.Cmd {
	cmd := s.Command(ctx, args...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
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

// Do makes and shows a call, and returns its output and exit code.
func (s *Session) Do(args ...string) (string, int) { return s.DoWith("", args...) }

// DoWith gives it an input.
func (s *Session) DoWith(input string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(context.Background(), s.Bound)
	defer cancel()
	cmd := s.shown(ctx, args)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	text := strings.ReplaceAll(out.String(), "\r\n", "\n")
	s.Print(text)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		s.Check(false, "no end within %v", s.Bound)
		return text, -1
	case errors.As(err, &exit):
		return text, exit.ExitCode()
	case err != nil:
		s.Check(false, "%v", err)
		return text, -1
	}
	return text, 0
}

// Succeeds is a call that must end with code 0; its output is returned.
func (s *Session) Succeeds(args ...string) string {
	out, code := s.Do(args...)
	if code != 0 {
		s.Check(false, "exit code %d", code)
	}
	return out
}

// Waits asks until the answer is the wanted one, and shows the last time.
func (s *Session) Waits(want, what string, args ...string) {
	end := time.Now().Add(s.Bound)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), s.Bound)
		out, err := s.silent(ctx, args).Output()
		cancel()
		if err == nil && strings.Contains(string(out), want) || time.Now().After(end) {
			break
		}
		time.Sleep(300 * time.Millisecond)
	}
	out, _ := s.Do(args...)
	s.Check(strings.Contains(out, want), "%s", what)
}

// Beside starts a call that runs beside the session; the returned function waits for its end, or brings it about. Its standard input
// stays open until then: some programs leave at the end of that, whatever there still is to say.
func (s *Session) Beside(input string, args ...string) (out *Output, end func(patience time.Duration)) {
	ctx, cancel := context.WithTimeout(context.Background(), s.Bound)
	cmd := s.shown(ctx, args)
	out = &Output{}
	cmd.Stdout, cmd.Stderr = out, out
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Check(false, "%v", err)
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
