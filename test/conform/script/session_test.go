package script

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func shell() *Session {
	return &Session{Program: "sh", Bound: 20 * time.Second, Command: func(ctx context.Context, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", args...)
	}}
}

func TestSession(t *testing.T) {
	s := shell()
	if out, code := s.DoWith("typed\r\n", "-c", "cat; echo bad >&2; exit 7"); out != "typed\nbad\n" || code != 7 {
		t.Errorf("%q, %d", out, code)
	}
	if err := s.Run([]Step{{Title: "well", Run: func() { s.Check(true, "kept") }}}); err != nil {
		t.Error(err)
	}
	s.Succeeds("-c", "exit 1")
	s.Waits("word", "is said", "-c", "echo word")
	if err := s.Run(nil); err == nil || !strings.Contains(err.Error(), "1 of the promises") {
		t.Errorf("after one that was not kept: %v", err)
	}
}

func TestBeside(t *testing.T) {
	s := shell()
	out, end := s.Beside("hello\n", "-c", "read word; echo got $word; read more; echo over")
	if !out.Until("got hello", 10*time.Second) {
		t.Errorf("it says %q", out)
	}
	if out.Until("over", 300*time.Millisecond) {
		t.Error("its input was closed")
	}
	end(0)
}
