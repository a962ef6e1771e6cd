package winhost

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// stdio is the service's side of a process's streams.
type stdio struct {
	child  [3]windows.Handle // the process's ends, closed once it has them
	shared map[windows.Handle]bool

	in    io.ReadCloser // the client's, relayed to feed
	feed  *os.File
	once  sync.Once
	out   *os.File // of a terminal, relayed to the client's
	to    io.WriteCloser
	line  *line
	ended chan struct{} // the terminal's output has been relayed
}

func openStdio(p *schema.ProcessParameters, s sim.Streams) (*stdio, error) {
	t := &stdio{in: s.Stdin, ended: make(chan struct{}), shared: map[windows.Handle]bool{}}
	var err error
	if s.Stdin != nil {
		var r *os.File
		if r, t.feed, err = os.Pipe(); err != nil {
			return nil, fail("CreatePipe", "stdin", err)
		}
		if t.child[0], err = take(r); err != nil {
			return nil, fail("DuplicateHandle", "stdin", err)
		}
	} else if t.child[0], err = null(windows.GENERIC_READ); err != nil {
		return nil, fail("CreateFile", "NUL", err)
	}
	if p.EmulateConsole && s.Stdout != nil {
		var w *os.File
		if t.out, w, err = os.Pipe(); err != nil {
			return nil, fail("CreatePipe", "stdout", err)
		}
		if t.child[1], err = take(w); err != nil {
			return nil, fail("DuplicateHandle", "stdout", err)
		}
		t.child[2] = t.child[1]
		t.to = s.Stdout
		return t, nil
	}
	close(t.ended)
	for i, w := range []io.WriteCloser{s.Stdout, s.Stderr} {
		if f, ok := w.(*os.File); ok {
			t.child[i+1], err = take(f)
		} else {
			t.child[i+1], err = null(windows.GENERIC_WRITE)
		}
		if err != nil {
			return nil, fail("DuplicateHandle", "output", err)
		}
	}
	return t, nil
}

// take makes an inheritable copy of a file's handle and closes the file.
func take(f *os.File) (windows.Handle, error) {
	defer f.Close()
	var h windows.Handle
	me := windows.CurrentProcess()
	err := windows.DuplicateHandle(me, windows.Handle(f.Fd()), me, &h, 0, true, windows.DUPLICATE_SAME_ACCESS)
	return h, err
}

func null(access uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString("NUL")
	if err != nil {
		return 0, err
	}
	sa := &windows.SecurityAttributes{InheritHandle: 1}
	sa.Length = 24
	return windows.CreateFile(name, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, sa, windows.OPEN_EXISTING, 0, 0)
}

func (t *stdio) closeChild() {
	for i, h := range t.child {
		if h != 0 && (i != 2 || h != t.child[1]) {
			windows.CloseHandle(h)
		}
	}
}

func (t *stdio) closeOwn() {
	t.closeStdin()
	if t.out != nil {
		_ = t.out.Close()
	}
}

func (t *stdio) closeStdin() {
	t.once.Do(func() {
		if t.feed != nil {
			_ = t.feed.Close()
		}
	})
}

// relay starts the copying that the process itself cannot do.
func (t *stdio) relay(r *running) {
	if t.to != nil {
		t.line = newLine(t.to, t.feed, func() { _ = r.Signal(schema.CtrlC) }, t.closeStdin)
		go func() {
			defer close(t.ended)
			defer t.to.Close()
			_, _ = io.Copy(writerFunc(t.line.output), t.out)
		}()
	}
	if t.in == nil {
		return
	}
	go func() {
		defer t.closeStdin()
		buf := make([]byte, 32<<10)
		for {
			n, err := t.in.Read(buf)
			if n > 0 {
				if t.line != nil {
					t.line.input(buf[:n])
				} else if _, werr := t.feed.Write(buf[:n]); werr != nil {
					return
				}
			}
			if err != nil {
				_ = t.in.Close()
				return
			}
		}
	}()
}

// drained waits until a terminal's output has gone, but not for a child that still holds it.
func (t *stdio) drained(most time.Duration) {
	select {
	case <-t.ended:
	case <-time.After(most):
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
