package stdio

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// destination is where an output goes.
type destination struct {
	name string
	open func(ctx context.Context) (io.WriteCloser, error)
	// patience is how long it may take nothing before output is dropped: a log must not block what it is about. 0 is for ever, which
	// is for a client's pipe: what it does not take stays with the program.
	patience time.Duration
}

// destinationOf finds the destination of a stream that Check has passed.
func destinationOf(path string, dial Dial, b Bounds) (destination, error) {
	if isPipe(path) {
		return destination{name: path, open: func(ctx context.Context) (io.WriteCloser, error) { return dial(ctx, path) }}, nil
	}
	file, err := filePath(path)
	if err != nil {
		return destination{}, err
	}
	return destination{name: file, patience: b.Absent, open: func(context.Context) (io.WriteCloser, error) { return openFile(file) }}, nil
}

func isPipe(path string) bool {
	return len(path) > len(pipePrefix) && strings.EqualFold(path[:len(pipePrefix)], pipePrefix)
}

// filePath is the file of a URI, as containerd's cio makes them: file:///C:/logs/x.log.
func filePath(uri string) (string, error) {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q: %w: %w", uri, err, errdefs.ErrInvalidArgument)
	case u.Scheme != "file":
		return "", fmt.Errorf("log destination %s://: %w", u.Scheme, errdefs.ErrNotImplemented)
	case u.Host != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", fmt.Errorf("%q is not file:/// and a path: %w", uri, errdefs.ErrInvalidArgument)
	}
	p := pathOf(u)
	if len(p) < 2 || strings.HasSuffix(p, string(filepath.Separator)) {
		return "", fmt.Errorf("%q names no file: %w", uri, errdefs.ErrInvalidArgument)
	}
	return p, nil
}

// openFile opens it for appending, and makes it and its directories when they are not there, as containerd does for its own log files.
func openFile(path string) (io.WriteCloser, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}
