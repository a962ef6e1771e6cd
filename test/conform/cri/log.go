package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// entry is a line of a container's log in CRI's format: TIME STREAM TAG CONTENT, where the tag is F for a full line and P for a part of
// one that goes on in the stream's next entry.
type entry struct {
	at      time.Time
	stream  string // stdout or stderr
	full    bool
	content string
}

// parseLog reads a log that may still be written: a last line without its end is left out.
func parseLog(text string) ([]entry, error) {
	var list []entry
	for n, line := range strings.SplitAfter(text, "\n") {
		line, whole := strings.CutSuffix(line, "\n")
		if !whole {
			break
		}
		f := strings.SplitN(line, " ", 4)
		if len(f) != 4 {
			return nil, fmt.Errorf("line %d has no four fields: %q", n+1, line)
		}
		at, err := time.Parse(time.RFC3339Nano, f[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if f[1] != "stdout" && f[1] != "stderr" {
			return nil, fmt.Errorf("line %d: stream %q", n+1, f[1])
		}
		tag, _, _ := strings.Cut(f[2], ":")
		if tag != "F" && tag != "P" {
			return nil, fmt.Errorf("line %d: tag %q", n+1, f[2])
		}
		list = append(list, entry{at, f[1], tag == "F", f[3]})
	}
	return list, nil
}

// join is what a stream's entries say, with a line feed after each full line.
func join(list []entry, stream string) string {
	var b strings.Builder
	for _, e := range list {
		if e.stream != stream {
			continue
		}
		b.WriteString(e.content)
		if e.full {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// log reads the container's log as it is now; none yet is an empty one.
func (c *Container) log() []entry {
	b, err := os.ReadFile(c.logPath())
	if os.IsNotExist(err) {
		return nil
	}
	c.t.Must(err, "log of %s", c.id)
	list, err := parseLog(string(b))
	c.t.Must(err, "log of %s", c.id)
	return list
}

// says waits until stdout has said that.
func (c *Container) says(text string) { c.saysWithin(patience, text) }

func (c *Container) saysWithin(d time.Duration, text string) {
	var got string
	over := false
	c.t.Until(d, func() bool {
		got = join(c.log(), "stdout")
		if over || strings.Contains(got, text) {
			return true
		}
		over = c.status().State == exited // it says no more, but the log may have come meanwhile
		return false
	})
	c.t.Want(strings.Contains(got, text), "container %s: log has %q, want %q in it", c.id, clip(got), text)
}

// logs fails unless the log of the exited container holds that, whole and in order.
func (c *Container) logs(stdout, stderr string) {
	list := c.log()
	for stream, want := range map[string]string{"stdout": stdout, "stderr": stderr} {
		got := join(list, stream)
		c.t.Want(got == want, "log of %s: %s has %d bytes %q, want %d bytes %q", c.id, stream, len(got), clip(got), len(want), clip(want))
	}
}

// clip shortens what a message quotes.
func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return s[:100] + "…" + s[len(s)-100:]
}
