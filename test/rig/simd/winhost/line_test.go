package winhost

import (
	"bytes"
	"errors"
	"testing"
)

// typing is a line discipline whose ends are buffers.
type typing struct {
	*line
	screen, fed bytes.Buffer
	interrupts  int
	ended       bool
}

func newTyping() *typing {
	t := &typing{}
	t.line = newLine(&t.screen, &t.fed, func() { t.interrupts++ }, func() { t.ended = true })
	return t
}

func TestTyping(t *testing.T) {
	for _, c := range []struct {
		keys, screen, fed string
		interrupts        int
		ended             bool
	}{
		{"ab\r", "ab\r\n", "ab\r\n", 0, false},
		{"a\nb\r\nc\r\r", "a\r\nb\r\nc\r\n\r\n", "a\r\nb\r\nc\r\n\r\n", 0, false},
		{"ab\bc\x7f\x7f\x7f\x7fd\r", "ab\b \bc\b \b\b \bd\r\n", "d\r\n", 0, false},
		{"é\bx\r", "é\b \bx\r\n", "x\r\n", 0, false},
		{"\x01\bx\r", "^A\b \b\b \bx\r\n", "x\r\n", 0, false},
		{"ab\x03c\r", "ab^C\r\nc\r\n", "c\r\n", 1, false},
		{"\x1a\r", "^Z\r\n", "", 0, true},
		{"\x1arest\r", "^Zrest\r\n", "", 0, true},
		{"a\x1a\r", "a^Z\r\n", "a\x1a\r\n", 0, false},
		{"unfinished", "unfinished", "", 0, false},
	} {
		k := newTyping()
		k.input([]byte(c.keys))
		if k.screen.String() != c.screen || k.fed.String() != c.fed || k.interrupts != c.interrupts || k.ended != c.ended {
			t.Errorf("%q: screen %q fed %q interrupts %d ended %v", c.keys, k.screen.String(), k.fed.String(), k.interrupts, k.ended)
		}
	}
}

func TestTypingEnds(t *testing.T) {
	k := newTyping()
	k.input([]byte("half"))
	k.end()
	if k.fed.String() != "half" || !k.ended {
		t.Errorf("fed %q, ended %v", k.fed.String(), k.ended)
	}
	// A process without standard input still has an echo and Ctrl-C.
	k = newTyping()
	k.feed = nil
	k.input([]byte("a\r\x03"))
	k.end()
	if k.screen.String() != "a\r\n^C\r\n" || k.interrupts != 1 {
		t.Errorf("screen %q, interrupts %d", k.screen.String(), k.interrupts)
	}
}

func TestOutput(t *testing.T) {
	k := newTyping()
	for _, s := range []string{"a\nb\r\nc\r", "\nd\n", "\n"} { // a pair is split between writes
		if n, err := k.output([]byte(s)); n != len(s) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	if got := k.screen.String(); got != "a\r\nb\r\nc\r\nd\r\n\r\n" {
		t.Errorf("screen %q", got)
	}
	k.client = brokenWriter{}
	if _, err := k.output([]byte("x")); err == nil {
		t.Error("no error of a client that has gone")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }
