//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	uexec "k8s.io/client-go/util/exec"

	"containerd-shim-hcs/test/conform/script"
)

// result is what became of an exec.
type result struct {
	out, bad string
	code     int
	err      error // other than an exit code
}

// exec runs a program of the container, without a terminal.
func (p *Pod) exec(container string, in io.Reader, args ...string) result {
	return p.execFor(p.t.Ctx, container, in, args...)
}

func (p *Pod) execFor(ctx context.Context, container string, in io.Reader, args ...string) result {
	x, err := p.executor("exec", &corev1.PodExecOptions{Container: container, Command: args, Stdin: in != nil, Stdout: true, Stderr: true})
	if err != nil {
		return result{err: err}
	}
	var out, bad bytes.Buffer
	err = x.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: &out, Stderr: &bad})
	r := result{out: out.String(), bad: bad.String()}
	var exit uexec.CodeExitError
	if errors.As(err, &exit) {
		r.code, err = exit.Code, nil
	}
	r.err = err
	return r
}

// executor opens a stream of the API server's, by WebSocket as kubectl does (k8s.io/kubectl/pkg/cmd/exec).
func (p *Pod) executor(verb string, o runtime.Object) (remotecommand.Executor, error) {
	req := p.sub(verb).VersionedParams(o, scheme.ParameterCodec)
	return remotecommand.NewWebSocketExecutor(p.t.config, http.MethodGet, req.URL().String())
}

func (p *Pod) sub(resource string) *rest.Request {
	return p.t.api.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.t.ns).Name(p.name).SubResource(resource)
}

// gives fails unless that is what the program did.
func (r result) gives(t *T, out, bad string, code int) {
	t.Must(r.err, "exec")
	got := strings.ReplaceAll(r.out, "\r\n", "\n")
	t.Want(got == out && strings.ReplaceAll(r.bad, "\r\n", "\n") == bad && r.code == code,
		"the exec gave %q, %q, %d; want %q, %q, %d", cut(got), cut(r.bad), r.code, cut(out), cut(bad), code)
}

func cut(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// stream is an exec or attach that the case talks to.
type stream struct {
	t    *T
	in   *io.PipeWriter
	out  *script.Output
	done chan error
	size chan remotecommand.TerminalSize
}

// Next is the terminal's size when it has another one (remotecommand.TerminalSizeQueue).
func (s *stream) Next() *remotecommand.TerminalSize {
	size, ok := <-s.size
	if !ok {
		return nil
	}
	return &size
}

// talk opens it; with a terminal when tty.
func (p *Pod) talk(verb string, o runtime.Object, tty bool) *stream {
	x, err := p.executor(verb, o)
	p.t.Must(err, "%s", verb)
	r, w := io.Pipe()
	s := &stream{t: p.t, in: w, out: &script.Output{}, done: make(chan error, 1), size: make(chan remotecommand.TerminalSize, 4)}
	so := remotecommand.StreamOptions{Stdin: r, Stdout: s.out, Tty: tty}
	if tty {
		so.TerminalSizeQueue = s
	} else {
		so.Stderr = io.Discard
	}
	go func() {
		s.done <- x.StreamWithContext(p.t.Ctx, so)
		close(s.size)
		r.Close()
	}()
	return s
}

func (s *stream) write(text string) {
	_, err := io.WriteString(s.in, text)
	s.t.Must(err, "write to the stream")
}

func (s *stream) says(text string) {
	ok := s.t.Until(20*time.Second, func() bool { return strings.Contains(s.out.String(), text) })
	s.t.Want(ok, "the stream says %q, without %q", cut(s.out.String()), text)
}

// ends waits for the end of the stream.
func (s *stream) ends() error {
	select {
	case err := <-s.done:
		return err
	case <-s.t.Ctx.Done():
		s.t.Fail("the stream does not end; it said %q", cut(s.out.String()))
		return nil
	}
}

// forward opens a local port that leads to one of the pod, for as long as the case runs.
func (p *Pod) forward(port string) uint16 {
	req := p.sub("portforward")
	transport, upgrader, err := spdy.RoundTripperFor(p.t.config)
	p.t.Must(err, "port-forward")
	stop, ready := make(chan struct{}), make(chan struct{})
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, req.URL())
	f, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{"0:" + port}, stop, ready, io.Discard, io.Discard)
	p.t.Must(err, "port-forward")
	done := make(chan error, 1)
	go func() { done <- f.ForwardPorts() }()
	p.t.Later(func(context.Context) error {
		close(stop)
		return nil
	})
	select {
	case <-ready:
	case err := <-done:
		p.t.Fail("port-forward: %v", err)
	case <-p.t.Ctx.Done():
		p.t.Fail("port-forward is not ready")
	}
	ports, err := f.GetPorts()
	p.t.Must(err, "port-forward")
	return ports[0].Local
}

// fetch gets a page from the pod's address, which this machine reaches as the node does.
func (p *Pod) fetch(port, path string) (string, error) {
	address := p.get().Status.PodIP
	p.t.Want(address != "", "the pod has no address")
	return p.t.page("http://" + net.JoinHostPort(address, port) + path)
}

func (t *T) page(url string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	r, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, r.Status, cut(string(b)))
	}
	return string(b), err
}
