package computecore

import (
	"context"
	"fmt"
	"io"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

func (s *system) Run(ctx context.Context, params *schema.ProcessParameters) (hcs.Process, error) {
	const op = "HcsCreateProcess"
	doc, err := document(op, s.id, params)
	if err != nil {
		return nil, err
	}
	return call.Bounded(ctx, op, s.id, func() (hcs.Process, error) {
		sys, done, ok := s.handle.use()
		if !ok {
			return nil, closed(op, s.id)
		}
		defer done()
		raw, info, err := create(s.id, sys, doc)
		if err != nil {
			return nil, err
		}
		streams, err := open(info, params)
		if err == nil {
			var p *process
			if p, err = s.attach(raw, info.ProcessID); err == nil {
				p.stdin, p.stdout, p.stderr = streams.stdin, streams.stdout, streams.stderr
				return p, nil
			}
			streams.close()
		}
		// It runs, and nobody could have its streams or its exit.
		_, _ = operation{name: "HcsTerminateProcess", id: s.id, request: func(o uintptr) hcs.Code { return hcsTerminateProcess(raw, o) }}.run()
		hcsCloseProcess(raw)
		return nil, fmt.Errorf("%s %s: %w", op, name(s.id, info.ProcessID), err)
	}, func(p hcs.Process) {
		_ = p.Terminate(context.Background())
		closeStreams(p.Stdin(), p.Stdout(), p.Stderr())
		_ = p.Close()
	})
}

// create starts a process. Quirk: on Windows Server 2022 HcsCreateProcess may complete synchronously, and the result of its
// operation is then an error (E_INVALIDARG was seen) although there is a process handle; HcsGetProcessInfo has what is missing
// (hcs-api §1.2; test: TestRunSyncQuirk). Only then: after a success it would race with a short-lived process.
func create(id string, sys uintptr, params string) (raw uintptr, info processInformation, err error) {
	_, err = operation{name: "HcsCreateProcess", id: id, info: &info, request: func(op uintptr) hcs.Code {
		return hcsCreateProcess(sys, params, op, &raw)
	}}.run()
	if err == nil || raw == 0 {
		return raw, info, err
	}
	_, again := operation{name: "HcsGetProcessInfo", id: id, info: &info, request: func(op uintptr) hcs.Code {
		return hcsGetProcessInfo(raw, op)
	}}.run()
	if again != nil {
		hcsCloseProcess(raw)
		return 0, info, err // the first error is the cause
	}
	return raw, info, nil
}

func (s *system) OpenProcess(ctx context.Context, pid uint32) (hcs.Process, error) {
	const op = "HcsOpenProcess"
	return call.Bounded(ctx, op, name(s.id, pid), func() (hcs.Process, error) {
		sys, done, ok := s.handle.use()
		if !ok {
			return nil, closed(op, s.id)
		}
		defer done()
		raw, code := hcsOpenProcess(sys, pid)
		if call.Failed(code) {
			return nil, call.Error(op, name(s.id, pid), code, "")
		}
		p, err := s.attach(raw, pid)
		if err != nil {
			hcsCloseProcess(raw)
			return nil, err
		}
		return p, nil
	}, func(p hcs.Process) { _ = p.Close() })
}

// streams are a process's, nil where the parameters did not ask.
type streams struct {
	stdin          io.WriteCloser
	stdout, stderr io.ReadCloser
}

// open wraps the pipe handles that HCS gave, which are opened for overlapped I/O. On error all are closed.
func open(info processInformation, params *schema.ProcessParameters) (streams, error) {
	in, err1 := file("stdin", info.StdInput, params.CreateStdInPipe)
	out, err2 := file("stdout", info.StdOutput, params.CreateStdOutPipe)
	// A console has no stderr of its own, whatever was asked (hcs-api §4).
	err, err3 := file("stderr", info.StdError, params.CreateStdErrPipe && !params.EmulateConsole)
	var s streams
	if in != nil {
		s.stdin = in
	}
	if out != nil {
		s.stdout = out
	}
	if err != nil {
		s.stderr = err
	}
	for _, e := range []error{err1, err2, err3} {
		if e != nil {
			s.close()
			return streams{}, e
		}
	}
	return s, nil
}

// file wraps one handle. A broken pipe reads as io.EOF: winio's Read does that.
func file(stream string, h uintptr, asked bool) (io.ReadWriteCloser, error) {
	given := h != 0 && windows.Handle(h) != windows.InvalidHandle
	switch {
	case !asked && given:
		_ = windows.CloseHandle(windows.Handle(h))
		return nil, nil
	case !asked:
		return nil, nil
	case !given:
		return nil, fmt.Errorf("%s: the service gave no pipe", stream)
	}
	f, err := winio.NewOpenFile(windows.Handle(h))
	if err != nil {
		_ = windows.CloseHandle(windows.Handle(h))
		return nil, fmt.Errorf("%s: %w", stream, err)
	}
	return f, nil
}

func (s streams) close() { closeStreams(s.stdin, s.stdout, s.stderr) }

func closeStreams(in io.WriteCloser, out, err io.ReadCloser) {
	if in != nil {
		_ = in.Close()
	}
	if out != nil {
		_ = out.Close()
	}
	if err != nil {
		_ = err.Close()
	}
}
