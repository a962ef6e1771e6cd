package winhost

import (
	"io"
	"sync"
	"unicode/utf8"
)

// line is the line discipline of an emulated terminal: it echoes and edits what is typed, hands whole lines to the process with \r\n,
// and gives output its carriage returns.
type line struct {
	client io.Writer
	feed   io.Writer // the process's standard input; nil for none
	ctrlC  func()
	eof    func()

	mu   sync.Mutex // guards the fields below and the writes to client
	buf  []byte
	last byte // of the output
	cr   bool // the last key was return
}

func newLine(client io.Writer, feed io.Writer, ctrlC, eof func()) *line {
	return &line{client: client, feed: feed, ctrlC: ctrlC, eof: eof}
}

// output writes what the process wrote.
func (l *line) output(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]byte, 0, len(b)+16)
	for _, c := range b {
		if c == '\n' && l.last != '\r' {
			out = append(out, '\r')
		}
		out = append(out, c)
		l.last = c
	}
	if _, err := l.client.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// input takes what was typed.
func (l *line) input(b []byte) {
	for _, c := range b {
		l.key(c)
	}
}

func (l *line) key(c byte) {
	l.mu.Lock()
	echo, send, interrupt, end := l.edit(c)
	if len(echo) > 0 {
		_, _ = l.client.Write(echo)
	}
	l.mu.Unlock()
	switch {
	case interrupt:
		l.ctrlC()
	case end:
		l.eof()
	case send != nil && l.feed != nil:
		_, _ = l.feed.Write(send)
	}
}

// end is the end of what is typed: an unfinished line goes to the process as it is.
func (l *line) end() {
	l.mu.Lock()
	rest := l.buf
	l.buf = nil
	l.mu.Unlock()
	if len(rest) > 0 && l.feed != nil {
		_, _ = l.feed.Write(rest) // nobody may read it any more
	}
	l.eof()
}

const (
	ctrlCKey = 3
	ctrlZKey = 26
	delKey   = 127
)

func (l *line) edit(c byte) (echo, send []byte, interrupt, end bool) {
	wasCR := l.cr
	l.cr = c == '\r'
	switch c {
	case ctrlCKey:
		l.buf = nil
		return []byte("^C\r\n"), nil, true, false
	case '\b', delKey:
		return l.erase(), nil, false, false
	case '\n':
		if wasCR { // the second half of \r\n
			return nil, nil, false, false
		}
		fallthrough
	case '\r':
		// On Windows a read ends so, and the next one waits again; a pipe can only end for good.
		if len(l.buf) > 0 && l.buf[0] == ctrlZKey {
			l.buf = nil
			return []byte("\r\n"), nil, false, true
		}
		send = append(l.buf, '\r', '\n')
		l.buf = nil
		return []byte("\r\n"), send, false, false
	}
	l.buf = append(l.buf, c)
	if c < ' ' {
		return []byte{'^', c + '@'}, nil, false, false
	}
	return []byte{c}, nil, false, false
}

// erase takes back the last character, and its cells from the screen: two of a control character, which was echoed as ^X.
func (l *line) erase() (echo []byte) {
	if len(l.buf) == 0 {
		return nil
	}
	r, size := utf8.DecodeLastRune(l.buf)
	l.buf = l.buf[:len(l.buf)-size]
	if r < ' ' {
		return []byte("\b \b\b \b")
	}
	return []byte("\b \b")
}
