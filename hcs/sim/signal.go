package sim

import (
	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// inTurn runs f when the system handle behind a process handle has no signal or process termination in flight: HCS serialises them
// per system handle (§4). Waiting ends with the client.
func (c *Client) inTurn(op string, h Handle, f func(*process) error) error {
	return c.do(op, c.NameOf(h), func() error {
		r, err := use[*processRef](c, h)
		if err != nil {
			return err
		}
		select {
		case r.parent.turn <- struct{}{}:
		case <-c.dead:
			return refuse(hcs.ErrInvalidHandle, "the process %s has ended", c.name)
		}
		defer func() { <-r.parent.turn }()
		c.svc.mu.Lock()
		exited := r.p.exited
		c.svc.mu.Unlock()
		if exited {
			return r.p.stopped()
		}
		return f(r.p)
	})
}

// SignalProcess delivers a console control event. On servercore it returns only when the process is gone (§4), and until then
// holds up every later signal and termination through the same system handle.
func (c *Client) SignalProcess(h Handle, options string) error {
	return c.inTurn("HcsSignalProcess", h, func(p *process) error {
		var o schema.SignalProcessOptions
		if err := decode(options, &o); err != nil {
			return err
		}
		switch o.Signal {
		case schema.CtrlC, schema.CtrlBreak, schema.CtrlClose, schema.CtrlLogOff, schema.CtrlShutdown:
		default:
			return refuse(hcs.ErrInvalidArgument, "signal %q is not known", o.Signal)
		}
		if err := p.running.Signal(o.Signal); err != nil {
			return err
		}
		if c.svc.serverCore {
			select {
			case <-p.done:
			case <-c.dead:
			}
		}
		return nil
	})
}

// TerminateProcess ends a process with TerminatedExitCode.
func (c *Client) TerminateProcess(h Handle) error {
	return c.inTurn("HcsTerminateProcess", h, func(p *process) error {
		p.running.Kill(TerminatedExitCode)
		return nil
	})
}
