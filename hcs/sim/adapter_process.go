package sim

import (
	"context"
	"io"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// processHandle is hcs.Process.
type processHandle struct {
	s      *systemHandle
	h      Handle
	pid    uint32
	stdin  *Writer
	stdout *Reader
	stderr *Reader
	exited chan hcs.ProcessExit
	ended  sync.Once // exited is closed
	close  sync.Once
	err    error // of close
}

// tell runs under the model's lock; the channel has room.
func (p *processHandle) tell(status schema.ProcessStatus, err error) {
	e := hcs.ProcessExit{Code: status.ExitCode, Err: err, ExitedAt: time.Now()}
	if err != nil {
		e.Code = hcs.UnknownExit
	}
	p.ended.Do(func() {
		p.exited <- e
		close(p.exited)
	})
}

func (p *processHandle) Pid() uint32                    { return p.pid }
func (p *processHandle) Exited() <-chan hcs.ProcessExit { return p.exited }

func (p *processHandle) Stdin() io.WriteCloser {
	if p.stdin == nil {
		return nil
	}
	return p.stdin
}

func (p *processHandle) Stdout() io.ReadCloser { return readerOrNil(p.stdout) }
func (p *processHandle) Stderr() io.ReadCloser { return readerOrNil(p.stderr) }

func readerOrNil(r *Reader) io.ReadCloser {
	if r == nil {
		return nil
	}
	return r
}

// ends are the client's ends of the streams.
func (p *processHandle) ends() []closer {
	var list []closer
	if p.stdin != nil {
		list = append(list, p.stdin)
	}
	for _, r := range []*Reader{p.stdout, p.stderr} {
		if r != nil {
			list = append(list, r)
		}
	}
	return list
}

func (p *processHandle) closeStreams() {
	for _, e := range p.ends() {
		_ = e.Close() // closing an end in memory cannot fail
	}
}

// ownStreams makes the streams end with the client's process.
func (p *processHandle) ownStreams() {
	c := p.s.c
	if p.stdin != nil {
		p.stdin.after = func() { c.disown(p.stdin) }
	}
	for _, r := range []*Reader{p.stdout, p.stderr} {
		if r != nil {
			r.after = func() { c.disown(r) }
		}
	}
	for _, e := range p.ends() {
		c.own(e)
	}
}

func (p *processHandle) Close() error {
	p.close.Do(func() {
		p.err = p.s.c.CloseProcess(p.h)
		p.ended.Do(func() { close(p.exited) })
		p.s.c.disown(p)
	})
	return p.err
}

func (p *processHandle) modify(ctx context.Context, m *schema.ModifyProcess) error {
	return await0(ctx, p.s.c, "HcsModifyProcess", p.s.id, func() error { return p.s.c.ModifyProcess(p.h, text(m)) })
}

func (p *processHandle) CloseStdin(ctx context.Context) error {
	return p.modify(ctx, &schema.ModifyProcess{Operation: "CloseHandle", CloseHandle: &schema.CloseHandle{Handle: "StdIn"}})
}

func (p *processHandle) Resize(ctx context.Context, width, height uint16) error {
	return p.modify(ctx, &schema.ModifyProcess{Operation: "ConsoleSize", ConsoleSize: &schema.ConsoleSize{Height: height, Width: width}})
}

func (p *processHandle) Signal(ctx context.Context, signal schema.Signal) error {
	return await0(ctx, p.s.c, "HcsSignalProcess", p.s.id, func() error {
		return p.s.c.SignalProcess(p.h, text(schema.SignalProcessOptions{Signal: signal}))
	})
}

// Terminate goes through handles of its own, so that no signal in flight holds it up (§4).
func (p *processHandle) Terminate(ctx context.Context) error {
	c := p.s.c
	return await0(ctx, c, "HcsTerminateProcess", p.s.id, func() error {
		system := c.NewHandle()
		if err := c.OpenComputeSystem(system, p.s.id); err != nil {
			return err
		}
		defer func() { _ = c.CloseComputeSystem(system) }()
		process := c.NewHandle()
		if err := c.OpenProcess(system, process, p.pid); err != nil {
			return err
		}
		defer func() { _ = c.CloseProcess(process) }()
		return c.TerminateProcess(process)
	})
}
