package stdio

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
)

func TestFilePath(t *testing.T) {
	for uri, want := range map[string]string{
		"file:///C:/logs/x%20y.log": filepath.FromSlash("C:/logs/x y.log"),
		"file:///var/log/x":         filepath.FromSlash("/var/log/x"),
	} {
		if got, err := filePath(uri); err != nil || got != want {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
	for _, uri := range []string{"file://host/x", "file:///x?a=b", "file:///", "file:///C:/logs/", "file://", "file:///%zz"} {
		if got, err := filePath(uri); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
	if _, err := filePath("fifo:///x"); !errdefs.IsNotImplemented(err) {
		t.Errorf("another scheme: %v", err)
	}
}

// TestOutputsShareAFile: both outputs append, and what was there stays.
func TestOutputsShareAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "dir", "x.log")
	uri := "file://" + filepath.ToSlash(file)
	for i := range 2 {
		s, err := Open(t.Context(), Client{}, Config{Stdout: uri, Stderr: uri}, DefaultBounds)
		if err != nil {
			t.Fatal(err)
		}
		out, outEnd := io.Pipe()
		errs, errEnd := io.Pipe()
		s.Attach(&process{out: out, err: errs})
		for _, w := range []io.WriteCloser{outEnd, errEnd} {
			if _, err := w.Write([]byte("line\n")); err != nil {
				t.Error(err)
			}
			_ = w.Close()
		}
		if rep := s.Drain(DefaultBounds); rep.Bytes != 10 || rep.Cut != 0 || rep.Held {
			t.Errorf("report %+v", rep)
		}
		b, err := os.ReadFile(file)
		if err != nil || len(b) != 10*(i+1) {
			t.Errorf("%q, %v", b, err)
		}
	}
	if _, err := Open(t.Context(), Client{}, Config{Stdout: "file://" + filepath.ToSlash(filepath.Join(file, "below-a-file"))}, DefaultBounds); err == nil {
		t.Error("a log below a file was opened")
	}
}

// disk is a file on a disk that can be full.
type disk struct {
	full bool
	got  int
}

var errFull = errors.New("disk full")

func (d *disk) Write(b []byte) (int, error) {
	if d.full {
		return 0, errFull
	}
	d.got += len(b)
	return len(b), nil
}

func (d *disk) Close() error { return nil }

func (d *disk) open(context.Context) (io.WriteCloser, error) {
	if d.full {
		return nil, errFull
	}
	return d, nil
}

// TestFullDiskDoesNotBlockTheProcess: after some time what the file does not take is dropped, and counted; it goes on when there is room.
func TestFullDiskDoesNotBlockTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 10 * time.Second
		d := &disk{}
		o, err := newOutput(t.Context(), destination{name: "x", open: d.open, patience: patience})
		if err != nil {
			t.Fatal(err)
		}
		s := &Set{stdout: o, ending: make(chan struct{}), done: make(chan struct{})}
		r, w := io.Pipe()
		s.Attach(&process{out: r})
		say := func() time.Duration {
			start := time.Now()
			for range 2 { // the second waits until the first was dealt with
				if _, err := w.Write(make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			return time.Since(start)
		}
		if d := say(); d != 0 {
			t.Errorf("a write took %v", d)
		}
		d.full = true
		if d := say(); d < patience || d > 2*patience {
			t.Errorf("with a full disk a write took %v", d)
		}
		if d := say(); d > time.Second {
			t.Errorf("later ones take %v", d)
		}
		d.full = false
		if d := say(); d > time.Second {
			t.Errorf("with room again a write took %v", d)
		}
		_ = w.Close()
		if rep := s.Drain(DefaultBounds); rep.Bytes != 400 || rep.Cut != 400 || d.got != 400 {
			t.Errorf("report %+v, the file has %d", rep, d.got)
		}
	})
}
