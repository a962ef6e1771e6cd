package winhost

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
)

// input relays what the client writes to a pipe of the process's own, so that the process can be given end-of-file while the client
// still holds its end. It goes on when the process has ended: a child may have inherited the pipe, and with no reader left the next
// write fails, which closes the client's pipe.
type input struct {
	from *os.File // the client's pipe, overlapped: a read that waits can be cut off
	feed *os.File
	once sync.Once
}

// openInput takes the client's end of stdin, nil for none, and makes the process's.
func openInput(stdin io.ReadCloser) (*input, windows.Handle, error) {
	if stdin == nil {
		h, err := null(windows.GENERIC_READ)
		return nil, h, err
	}
	from, ok := stdin.(*os.File)
	if !ok {
		return nil, 0, errors.Join(hcs.ErrInvalidArgument, stdin.Close())
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, 0, errors.Join(err, from.Close())
	}
	in := &input{from: from, feed: w}
	child, err := take(r)
	if err != nil {
		in.drop()
		return nil, 0, err
	}
	return in, child, nil
}

// drop gives both ends up.
func (in *input) drop() {
	_ = in.from.Close()
	in.end()
}

// end gives the process end-of-file.
func (in *input) end() { in.once.Do(func() { _ = in.feed.Close() }) }

// close makes relay end when it has delivered what the client has written until now.
func (in *input) close() {
	if err := in.from.SetReadDeadline(time.Unix(1, 0)); err != nil {
		in.drop() // it has ended already
	}
}

// relay delivers until the client's end closes, close is called, or nobody reads any more; then it calls last.
func (in *input) relay(deliver func([]byte) error, last func()) {
	defer in.drop()
	defer last()
	buf := make([]byte, 32<<10)
	for {
		n, err := in.from.Read(buf)
		if n > 0 && deliver(buf[:n]) != nil {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			in.rest(buf, deliver)
		}
		if err != nil {
			return
		}
	}
}

// rest delivers what is in the client's pipe.
func (in *input) rest(buf []byte, deliver func([]byte) error) {
	if in.from.SetReadDeadline(time.Time{}) != nil {
		return
	}
	for waiting(in.from) > 0 {
		n, err := in.from.Read(buf)
		if n > 0 && deliver(buf[:n]) != nil || err != nil {
			return
		}
	}
}

var peekNamedPipe = kernel32.NewProc("PeekNamedPipe")

// waiting is how many bytes a pipe holds.
func waiting(f *os.File) (n uint32) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	err = c.Control(func(h uintptr) {
		if ok, _, _ := peekNamedPipe.Call(h, 0, 0, 0, uintptr(unsafe.Pointer(&n)), 0); ok == 0 {
			n = 0 // the client has closed it, and nothing is left
		}
	})
	if err != nil {
		return 0
	}
	return n
}
