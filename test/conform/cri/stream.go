package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// dialStream opens the connection to the streaming server that a URL of Exec, Attach or PortForward is for, as the API server does:
// SPDY, one of the named subprotocols of Kubernetes.
func (t *T) dialStream(url, protocol string) httpstream.Connection {
	conn, err := tryDialStream(t.Ctx, url, protocol)
	t.Must(err, "connect to %s", url)
	t.Later(func(context.Context) error {
		conn.Close() // the server may have been quicker
		return nil
	})
	return conn
}

func tryDialStream(ctx context.Context, url, protocol string) (httpstream.Connection, error) {
	tripper, err := spdy.NewRoundTripper(nil)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, protocol)
	resp, err := tripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return tripper.NewConnection(resp)
}

// The names of the streams of a session, and its subprotocol with exit codes.
const (
	stdinStream     = "stdin"
	stdoutStream    = "stdout"
	stderrStream    = "stderr"
	resizeStream    = "resize"
	errorStream     = "error"
	sessionProtocol = "v4.channel.k8s.io"
)

// Session is an exec or an attachment with streams.
type Session struct {
	t       *T
	conn    httpstream.Connection
	streams map[string]httpstream.Stream

	mu   sync.Mutex
	text map[string]*bytes.Buffer
	done map[string]chan struct{} // closed at the stream's end
}

// session opens the streams that were asked for. What comes is collected.
func (t *T) session(url string, names ...string) *Session {
	s := &Session{t: t, conn: t.dialStream(url, sessionProtocol), streams: map[string]httpstream.Stream{}, text: map[string]*bytes.Buffer{}, done: map[string]chan struct{}{}}
	for _, name := range append([]string{errorStream}, names...) {
		stream, err := s.conn.CreateStream(http.Header{"Streamtype": {name}})
		t.Must(err, "stream %s", name)
		s.streams[name] = stream
		if name == stdinStream || name == resizeStream {
			continue
		}
		s.text[name], s.done[name] = &bytes.Buffer{}, make(chan struct{})
		go func() {
			defer close(s.done[name])
			buf := make([]byte, 32<<10)
			for {
				n, err := stream.Read(buf)
				s.mu.Lock()
				s.text[name].Write(buf[:n])
				s.mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
	}
	return s
}

// got is what a stream has brought so far.
func (s *Session) got(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text[name].String()
}

// says waits until stdout has brought that.
func (s *Session) says(text string) {
	ok := s.t.Until(patience, func() bool { return strings.Contains(s.got(stdoutStream), text) })
	s.t.Want(ok, "the session's output is %q, want %q in it", clip(s.got(stdoutStream)), text)
}

func (s *Session) write(text string) {
	_, err := io.WriteString(s.streams[stdinStream], text)
	s.t.Must(err, "write to stdin")
}

// closeStdin is the end of the input; the other streams go on.
func (s *Session) closeStdin() { s.t.Must(s.streams[stdinStream].Close(), "close stdin") }

func (s *Session) resize(width, height int) {
	err := json.NewEncoder(s.streams[resizeStream]).Encode(map[string]int{"Width": width, "Height": height})
	s.t.Must(err, "resize")
}

// hangUp breaks off the connection. How the server takes it is no concern of who does so.
func (s *Session) hangUp() { s.conn.Close() }

// ends waits for the end of the session and its output, and returns the exit code.
func (s *Session) ends() int {
	deadline := time.After(patience)
	for name, done := range s.done {
		select {
		case <-done:
		case <-deadline:
			s.t.Fail("stream %s of the session does not end; stdout %q", name, clip(s.got(stdoutStream)))
		}
	}
	code, err := exitCodeOf(s.got(errorStream))
	s.t.Must(err, "end of the session")
	return code
}

// exitCodeOf reads the status at the end of a session: Kubernetes' Status object, of which these are the fields that matter here.
func exitCodeOf(text string) (int, error) {
	var status struct {
		Status, Message, Reason string
		Details                 struct {
			Causes []struct{ Reason, Message string }
		}
	}
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		return 0, fmt.Errorf("status %q: %w", text, err)
	}
	if status.Status == "Success" {
		return 0, nil
	}
	for _, c := range status.Details.Causes {
		if status.Reason == "NonZeroExitCode" && c.Reason == "ExitCode" {
			return strconv.Atoi(c.Message)
		}
	}
	return 0, errors.New(status.Message)
}
