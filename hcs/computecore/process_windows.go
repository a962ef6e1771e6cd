package computecore

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/schema"
)

// process is a handle on one process of a system with its exit callback set.
type process struct {
	system         *system
	pid            uint32
	handle         *handle
	event          uintptr // in events
	exit           *exit[hcs.ProcessExit]
	stdin          io.WriteCloser
	stdout, stderr io.ReadCloser
}

func name(system string, pid uint32) string {
	return system + "/" + strconv.FormatUint(uint64(pid), 10)
}

// attach makes raw a process: it sets the callback. On error raw is still the caller's.
func (s *system) attach(raw uintptr, pid uint32) (*process, error) {
	id := name(s.id, pid)
	p := &process{system: s, pid: pid, handle: newHandle(raw, hcsCloseProcess), exit: newExit[hcs.ProcessExit]()}
	p.event = events.add(func(event uint32, data string) {
		x, ok := processExit(id, event, data)
		switch {
		case ok && event == eventProcessExited && x.Err != nil:
			// The event did not tell the code; perhaps the service still can. Not here: this is the DLL's thread.
			go p.askExit(x)
		case ok:
			p.exit.deliver(x)
		}
	})
	if code := hcsSetProcessCallback(raw, p.event); call.Failed(code) {
		events.remove(p.event)
		return nil, call.Error("HcsSetProcessCallback", id, code, "")
	}
	return p, nil
}

// askExit delivers the exit from the process's properties, or x when they do not tell it either.
func (p *process) askExit(x hcs.ProcessExit) {
	if doc, err := p.operate("HcsGetProcessProperties", hcsGetProcessProperties); err == nil {
		if asked := exitOf(p.id(), doc); asked.Err == nil {
			asked.ExitedAt = x.ExitedAt
			x = asked
		}
	}
	p.exit.deliver(x)
}

func (p *process) id() string                     { return name(p.system.id, p.pid) }
func (p *process) Pid() uint32                    { return p.pid }
func (p *process) Stdin() io.WriteCloser          { return p.stdin }
func (p *process) Stdout() io.ReadCloser          { return p.stdout }
func (p *process) Stderr() io.ReadCloser          { return p.stderr }
func (p *process) Exited() <-chan hcs.ProcessExit { return p.exit.ch }

// Close closes the exit channel if nothing came. A call in flight keeps the DLL's handle open until it ends.
func (p *process) Close() error {
	events.remove(p.event)
	p.exit.end()
	if !p.handle.close() {
		return &hcs.Error{Op: "HcsCloseProcess", ID: p.id(), Code: hcs.ErrOperationTimeout}
	}
	return nil
}

// operate runs one operation on the process's handle to its end. The system's handle stays open as long.
func (p *process) operate(op string, request func(raw, op uintptr) hcs.Code) (string, error) {
	_, systemDone, ok := p.system.handle.use()
	if !ok {
		return "", closed(op, p.system.id)
	}
	defer systemDone()
	raw, done, ok := p.handle.use()
	if !ok {
		return "", closed(op, p.id())
	}
	defer done()
	return operation{name: op, id: p.id(), request: func(o uintptr) hcs.Code { return request(raw, o) }}.run()
}

func (p *process) modify(ctx context.Context, m schema.ModifyProcess) error {
	const op = "HcsModifyProcess"
	doc, err := document(op, p.id(), m)
	if err != nil {
		return err
	}
	return call.Do(ctx, op, p.id(), func() error {
		_, err := p.operate(op, func(raw, o uintptr) hcs.Code { return hcsModifyProcess(raw, o, doc) })
		return err
	})
}

func (p *process) CloseStdin(ctx context.Context) error {
	return p.modify(ctx, schema.ModifyProcess{Operation: "CloseHandle", CloseHandle: &schema.CloseHandle{Handle: "StdIn"}})
}

func (p *process) Resize(ctx context.Context, width, height uint16) error {
	return p.modify(ctx, schema.ModifyProcess{Operation: "ConsoleSize", ConsoleSize: &schema.ConsoleSize{Height: height, Width: width}})
}

func (p *process) Signal(ctx context.Context, signal schema.Signal) error {
	const op = "HcsSignalProcess"
	doc, err := document(op, p.id(), schema.SignalProcessOptions{Signal: signal})
	if err != nil {
		return err
	}
	return call.Do(ctx, op, p.id(), func() error {
		_, err := p.operate(op, func(raw, o uintptr) hcs.Code { return hcsSignalProcess(raw, o, doc) })
		return p.gone(err)
	})
}

// Terminate opens the system and the process once more, see the package comment. The process's own handle stays open meanwhile,
// which also keeps its pid from being given to another process.
func (p *process) Terminate(ctx context.Context) error {
	const op = "HcsTerminateProcess"
	return call.Do(ctx, op, p.id(), func() error {
		_, done, ok := p.handle.use()
		if !ok {
			return closed(op, p.id())
		}
		defer done()
		if p.exit.over() {
			return call.Error(op, p.id(), hcs.ErrProcessAlreadyStopped, "")
		}
		sys, code := hcsOpenComputeSystem(p.system.id)
		if call.Failed(code) {
			if code.Family() == hcs.ErrSystemNotFound {
				return call.Error(op, p.id(), hcs.ErrProcessAlreadyStopped, "")
			}
			// Rather behind a signal than not at all.
			_, err := p.operate(op, hcsTerminateProcess)
			return p.gone(err)
		}
		defer hcsCloseComputeSystem(sys)
		raw, code := hcsOpenProcess(sys, p.pid)
		if call.Failed(code) {
			return p.gone(call.Error("HcsOpenProcess", p.id(), code, ""))
		}
		defer hcsCloseProcess(raw)
		_, err := operation{name: op, id: p.id(), request: func(o uintptr) hcs.Code { return hcsTerminateProcess(raw, o) }}.run()
		return p.gone(err)
	})
}

// deniedGrace is how long a denied termination waits for the exit event that explains it.
const deniedGrace = time.Second

// gone folds the ways in which HCS says that the process has exited (hcs-api §2.2) into ErrProcessAlreadyStopped. Quirk: ending a
// process that is dying is "access denied"; that is believed when its exit event comes, and otherwise passed on.
func (p *process) gone(err error) error {
	var e *hcs.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code.Family() {
	case hcs.ErrElementNotFound, hcs.ErrSystemAlreadyStopped:
	case hcs.ErrAccessDenied, hcs.ErrInvalidState:
		grace := time.NewTimer(deniedGrace)
		defer grace.Stop()
		select {
		case <-p.exit.done:
		case <-p.system.exit.done:
		case <-grace.C:
			return err
		}
	default:
		return err
	}
	return &hcs.Error{Op: e.Op, ID: e.ID, Code: hcs.ErrProcessAlreadyStopped, Message: e.Code.Error()}
}
