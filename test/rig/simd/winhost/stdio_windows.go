package winhost

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// stdio is the service's side of a process's streams.
type stdio struct {
	child [3]windows.Handle // the process's ends, inheritable, closed once it has them
	in    *input            // nil without stdin
	out   *os.File          // of a terminal: what the process writes
	to    io.WriteCloser    // of a terminal: the client's screen
	line  *line
	ended chan struct{} // the terminal's output has been relayed
}

// openStdio makes the process's ends. Those of the client that it takes are closed, also on failure.
func openStdio(p *schema.ProcessParameters, s sim.Streams) (t *stdio, err error) {
	t = &stdio{ended: make(chan struct{})}
	defer func() {
		if err != nil {
			t.closeChild()
			t.closeOwn()
			t = nil
		}
	}()
	if t.in, t.child[0], err = openInput(s.Stdin); err != nil {
		return t, fail("open", "stdin", err)
	}
	if p.EmulateConsole && s.Stdout != nil {
		var w *os.File
		if t.out, w, err = os.Pipe(); err != nil {
			return t, fail("CreatePipe", "stdout", err)
		}
		if t.child[1], err = take(w); err != nil {
			return t, fail("DuplicateHandle", "stdout", err)
		}
		t.child[2] = t.child[1]
		t.to = s.Stdout
		return t, nil
	}
	close(t.ended)
	for i, w := range []io.WriteCloser{s.Stdout, s.Stderr} {
		f, ok := w.(*os.File)
		switch {
		case ok:
			t.child[i+1], err = take(f)
		case w == nil:
			t.child[i+1], err = null(windows.GENERIC_WRITE)
		default:
			err = hcs.ErrInvalidArgument // not one of OpenPipe's: the process could not have it
		}
		if err != nil {
			return t, fail("open", "output", err)
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

// closeOwn gives up streams that were never relayed.
func (t *stdio) closeOwn() {
	if t.in != nil {
		t.in.drop()
	}
	if t.out != nil {
		_ = t.out.Close()
	}
}

func (t *stdio) closeStdin() {
	if t.in != nil {
		t.in.close()
	}
}

// relay starts the copying that the process itself cannot do.
func (t *stdio) relay(r *running) {
	if t.to != nil {
		var feed io.Writer // not a nil file
		eof := func() {}
		if t.in != nil {
			feed, eof = t.in.feed, t.in.end
		}
		t.line = newLine(t.to, feed, func() { _ = r.Signal(schema.CtrlC) }, eof)
		go t.relayOutput()
	}
	switch {
	case t.in == nil:
	case t.line != nil:
		go t.in.relay(func(b []byte) error { t.line.input(b); return nil }, t.line.end)
	default:
		go t.in.relay(func(b []byte) error { _, err := t.in.feed.Write(b); return err }, func() {})
	}
}

// relayOutput ends when nobody holds the process's end any more, or when the client has gone: then the process's writes fail, as
// they would on the client's own pipe.
func (t *stdio) relayOutput() {
	defer close(t.ended)
	defer t.to.Close()
	defer t.out.Close()
	_, _ = io.Copy(writerFunc(t.line.output), t.out)
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
