package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/Microsoft/go-winio/pkg/guid"
	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
)

const (
	schemeLogger       = "binary"
	schemeStrictLogger = "binary-v2" // it is ready when it has said so; the other also when it has closed the pipe for that
)

// errGone is that of a destination which does not come back.
var errGone = errors.New("the logging program is gone")

const (
	// deathNotice is how long a program that has closed its wait pipe without a word may take to be seen to have crashed.
	deathNotice = 100 * time.Millisecond
	// loggerEnd is for the end of a program that has got all its input.
	loggerEnd = 12 * time.Second
)

// logger is a program that takes the output of a container or exec, by the contract of containerd's package core/runtime/v2/logging: it
// connects to the three pipes that the environment names, reads two of them until their end and says on the third that it is ready.
type logger struct {
	path     string
	child    hcs.Child
	client   Client
	patience time.Duration // how long a write may take
	done     chan struct{} // closed by close
	once     sync.Once

	stdout, stderr net.Conn // until a destination has taken them
}

func isLogger(uri string) bool {
	scheme, _, ok := strings.Cut(uri, "://")
	return ok && (scheme == schemeLogger || scheme == schemeStrictLogger)
}

// loggerOf is the program of a URI: binary:///C:/dir/x.exe?key=value&flag. Its arguments are the keys and values in their order.
func loggerOf(uri string) (hcs.Program, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return hcs.Program{}, fmt.Errorf("%q: %w: %w", uri, err, errdefs.ErrInvalidArgument)
	}
	path := pathOf(u)
	if u.Host != "" || u.Fragment != "" || u.User != nil || len(path) < 2 {
		return hcs.Program{}, fmt.Errorf("%q is not %s:/// and the path of a program: %w", uri, u.Scheme, errdefs.ErrInvalidArgument)
	}
	p := hcs.Program{Path: path}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		for _, s := range []string{key, value} {
			if s, err = url.QueryUnescape(s); err != nil {
				return hcs.Program{}, fmt.Errorf("%q: %w: %w", uri, err, errdefs.ErrInvalidArgument)
			}
			if s != "" {
				p.Args = append(p.Args, s)
			}
		}
	}
	return p, nil
}

// pathOf is the Windows path in a URI: a drive follows the slash that ends the host.
func pathOf(u *url.URL) string {
	p := u.Path
	if len(p) > 2 && p[0] == '/' && p[2] == ':' {
		p = p[1:]
	}
	return filepath.FromSlash(p)
}

// startLogger starts the program and waits until it is ready. On error it has been ended.
func startLogger(ctx context.Context, client Client, uri string, patience time.Duration) (_ *logger, err error) {
	p, err := loggerOf(uri)
	if err != nil {
		return nil, err
	}
	l := &logger{path: p.Path, client: client, patience: patience, done: make(chan struct{})}
	var conns [3]<-chan net.Conn
	defer func() { // the listeners are closed
		if err != nil {
			l.give(conns)
			err = fmt.Errorf("logging program %s: %w", p.Path, err)
		}
	}()
	g, err := guid.NewV4() // nobody else knows the names, and a repeated exec id has others
	if err != nil {
		return nil, err
	}
	p.Env = []string{"CONTAINER_ID=" + client.ID, "CONTAINER_NAMESPACE=" + client.Namespace}
	for i, name := range []string{"STDOUT", "STDERR", "WAIT"} {
		pipe := pipePrefix + "containerd-shim-hcs-log-" + g.String() + "-" + strings.ToLower(name)
		listener, err := client.Listen(pipe)
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		conns[i] = accept(listener)
		p.Env = append(p.Env, "CONTAINER_"+name+"="+pipe)
	}
	if l.child, err = client.Spawn(ctx, p); err != nil {
		return nil, err
	}
	var wait net.Conn
	for i, to := range []*net.Conn{&l.stdout, &l.stderr, &wait} {
		if *to, err = l.connected(ctx, conns[i]); err != nil {
			return nil, err
		}
	}
	defer wait.Close()
	if err := l.ready(ctx, wait, strings.HasPrefix(uri, schemeStrictLogger)); err != nil {
		return nil, err
	}
	go l.watch()
	return l, nil
}

// accept takes the first connection of a listener. The channel ends after it, or with the listener.
func accept(l net.Listener) <-chan net.Conn {
	c := make(chan net.Conn, 1)
	go func() {
		defer close(c)
		if conn, err := l.Accept(); err == nil {
			c <- conn
		}
	}()
	return c
}

func (l *logger) connected(ctx context.Context, c <-chan net.Conn) (net.Conn, error) {
	select {
	case conn := <-c:
		if conn == nil {
			return nil, errors.New("its pipe broke")
		}
		return conn, nil
	case <-l.child.Exited():
		return nil, l.ended("before it was ready")
	case <-ctx.Done():
		return nil, fmt.Errorf("not connected to its pipes: %w", ctx.Err())
	}
}

func (l *logger) ended(when string) error {
	code, said := l.child.Outcome()
	if said != "" {
		said = ": " + said
	}
	return fmt.Errorf("it ended with %d %s%s: %w", code, when, said, errdefs.ErrFailedPrecondition)
}

// ready waits for the program's word.
func (l *logger) ready(ctx context.Context, wait net.Conn, strict bool) error {
	said := make(chan bool, 1)
	go func() {
		n, _ := io.ReadFull(wait, make([]byte, 1)) // ends with wait
		said <- n == 1
	}()
	var word bool
	select {
	case word = <-said:
	case <-ctx.Done():
		return fmt.Errorf("not ready: %w", ctx.Err())
	}
	if word {
		return nil
	}
	select {
	case <-l.child.Exited():
		return l.ended("before it was ready")
	case <-time.After(deathNotice):
	}
	if strict {
		return fmt.Errorf("it closed its wait pipe without a word: %w", errdefs.ErrFailedPrecondition)
	}
	return nil
}

// give ends what was begun.
func (l *logger) give(conns [3]<-chan net.Conn) {
	for _, c := range conns {
		if c == nil {
			continue
		}
		if conn := <-c; conn != nil { // nobody has taken it
			_ = conn.Close()
		}
	}
	for _, c := range []net.Conn{l.stdout, l.stderr} {
		if c != nil {
			_ = c.Close()
		}
	}
	if l.child != nil {
		_ = l.child.Kill()
	}
}

// destination takes one of the two connections. It opens once: a program that is gone is not started again in the middle of an output.
func (l *logger) destination(from *net.Conn) destination {
	conn := *from
	*from = nil
	return destination{name: l.path, patience: l.patience, open: func(context.Context) (io.WriteCloser, error) {
		if conn == nil {
			return nil, errGone
		}
		p := &loggerPipe{conn, l.patience}
		conn = nil
		return p, nil
	}}
}

// loggerPipe is a connection whose writes end: a log must not block what it is about.
type loggerPipe struct {
	net.Conn
	patience time.Duration
}

func (p *loggerPipe) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.patience)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// close ends the program's input, after the outputs have closed theirs.
func (l *logger) close() {
	l.once.Do(func() {
		if l.stderr != nil { // of a terminal, which has one stream
			_ = l.stderr.Close()
		}
		close(l.done)
	})
}

// watch says how the program ended, and ends it when it does not once it has all.
func (l *logger) watch() {
	select {
	case <-l.child.Exited():
		l.client.Log.Warn("the logging program ended before the output", "id", l.client.ID, "error", l.ended("too early"))
		return
	case <-l.done:
	}
	select {
	case <-l.child.Exited():
		if code, said := l.child.Outcome(); code != 0 {
			l.client.Log.Warn("the logging program failed", "id", l.client.ID, "program", l.path, "code", code, "stderr", said)
		}
	case <-time.After(loggerEnd):
		l.client.Log.Warn("the logging program does not end, and is killed", "id", l.client.ID, "program", l.path, "error", l.child.Kill())
	}
}
