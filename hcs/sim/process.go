package sim

import (
	"strings"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// process is one process that the service started. Children of it are known to the launcher only.
type process struct {
	sys     *system
	pid     uint32
	params  *schema.ProcessParameters
	running Running
	done    chan struct{} // closed when it has exited

	// Guarded by Service.mu, set before done is closed.
	exited   bool
	code     uint32
	exitedAt time.Time
	console  []uint16 // height, width as last set; empty for none
	refs     map[*processRef]struct{}
}

// processRef is one handle on a process. It stays good when the system handle it was made with is closed, and keeps no system alive.
type processRef struct {
	p      *process
	parent *systemRef // whose signals it shares
	watch  func(schema.ProcessStatus, error)
	told   bool
}

func (r *processRef) drop(*Service) { delete(r.p.refs, r) }

func (r *processRef) lose() {
	if r.watch != nil && !r.told {
		r.told = true
		r.watch(schema.ProcessStatus{}, hcs.ErrServiceDisconnect)
	}
}

func (r *processRef) tell() {
	if r.watch != nil && !r.told && r.p.exited {
		r.told = true
		r.watch(r.p.status(), nil)
	}
}

func (p *process) status() schema.ProcessStatus {
	return schema.ProcessStatus{ProcessID: p.pid, Exited: p.exited, ExitCode: p.code}
}

func newProcessRef(p *process, parent *systemRef) *processRef {
	r := &processRef{p: p, parent: parent}
	p.refs[r] = struct{}{}
	return r
}

// readParameters decodes process parameters and checks what needs no model.
func readParameters(text string) (*schema.ProcessParameters, error) {
	var p schema.ProcessParameters
	if err := decode(text, &p); err != nil {
		return nil, err
	}
	switch {
	case p.CommandLine == "" && p.ApplicationName == "":
		return nil, refuse(hcs.ErrInvalidArgument, "no CommandLine")
	case len(p.CommandArgs) > 0: // Linux only (§4)
		return nil, refuse(hcs.ErrInvalidArgument, "CommandArgs in a Windows container")
	case len(p.ConsoleSize) != 0 && (len(p.ConsoleSize) != 2 || p.ConsoleSize[0] == 0 || p.ConsoleSize[1] == 0):
		return nil, refuse(hcs.ErrInvalidArgument, "ConsoleSize is not [height, width]")
	}
	for name, value := range p.Environment { // names may begin with "="; the code is assumed
		if name == "" || strings.Contains(name[1:], "=") || strings.Contains(name+value, "\x00") {
			return nil, refuse(hcs.ErrBadEnvironment, "variable %q", name)
		}
	}
	return &p, nil
}

// Wants tells which streams process parameters ask for: with a console there is no stderr (§4).
func Wants(p *schema.ProcessParameters) (stdin, stdout, stderr bool) {
	return p.CreateStdInPipe, p.CreateStdOutPipe, p.CreateStdErrPipe && !p.EmulateConsole
}

// Close closes the streams that there are.
func (s Streams) Close() {
	if s.Stdin != nil {
		_ = s.Stdin.Close() // the other end is told; nothing else is known of it
	}
	if s.Stdout != nil {
		_ = s.Stdout.Close()
	}
	if s.Stderr != nil {
		_ = s.Stderr.Close()
	}
}

// CreateProcess starts a process in a running system and returns its pid. The streams are the service's from here on; those that
// were not asked for must be nil.
func (c *Client) CreateProcess(system, h Handle, parameters string, streams Streams) (uint32, error) {
	var pid uint32
	launched := false
	err := c.make("HcsCreateProcess", c.NameOf(system), h, func() (any, error) {
		r, err := use[*systemRef](c, system)
		if err != nil {
			return nil, err
		}
		p, err := readParameters(parameters)
		if err != nil {
			return nil, err
		}
		in, out, errs := Wants(p)
		if in != (streams.Stdin != nil) || out != (streams.Stdout != nil) || errs != (streams.Stderr != nil) {
			return nil, refuse(hcs.ErrInvalidArgument, "the streams are not those that were asked for")
		}
		s, sys := c.svc, r.sys
		s.mu.Lock()
		if sys.state != schema.StateRunning || sys.closing || sys.ending { // also when stopped (§2.2)
			defer s.mu.Unlock()
			return nil, refuse(hcs.ErrInvalidState, "%s is %s", sys.id, sys.state)
		}
		sys.work.Add(1)
		group := sys.group
		s.mu.Unlock()

		launched = true
		running, err := group.Launch(p, streams)

		s.mu.Lock()
		defer s.mu.Unlock()
		defer sys.work.Done()
		if err != nil {
			return nil, err
		}
		proc := &process{sys: sys, pid: running.Pid(), params: p, running: running, console: p.ConsoleSize, done: make(chan struct{}), refs: map[*processRef]struct{}{}}
		sys.live[proc.pid] = proc
		pid = proc.pid
		s.work.Go(func() { s.reap(proc) }) // finish waits for it; if the system is ending it kills it first
		return newProcessRef(proc, r), nil
	})
	if !launched {
		streams.Close()
	}
	return pid, err
}

// reap waits for a process and tells its exit.
func (s *Service) reap(p *process) {
	code := p.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.exited, p.code, p.exitedAt = true, code, time.Now()
	delete(p.sys.live, p.pid)
	for r := range p.refs {
		r.tell()
	}
	close(p.done)
}

// OpenProcess makes a handle on a running process that the service started; one that has exited is ErrElementNotFound (§2.2).
func (c *Client) OpenProcess(system, h Handle, pid uint32) error {
	return c.make("HcsOpenProcess", c.NameOf(system), h, func() (any, error) {
		r, err := use[*systemRef](c, system)
		if err != nil {
			return nil, err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		p := r.sys.live[pid]
		if p == nil {
			return nil, refuse(hcs.ErrElementNotFound, "no process %d", pid)
		}
		return newProcessRef(p, r), nil
	})
}

// CloseProcess closes a handle. No event comes for it afterwards.
func (c *Client) CloseProcess(h Handle) error {
	return c.do("HcsCloseProcess", c.NameOf(h), func() error { return closeHandle[*processRef](c, h) })
}

// onProcess runs a call on a process under the lock.
func (c *Client) onProcess(op string, h Handle, f func(*processRef) error) error {
	return c.do(op, c.NameOf(h), func() error {
		r, err := use[*processRef](c, h)
		if err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		return f(r)
	})
}

// WatchProcess registers what is told, once, how the process ended, or that the service was lost.
func (c *Client) WatchProcess(h Handle, f func(schema.ProcessStatus, error)) error {
	return c.onProcess("HcsWatchProcess", h, func(r *processRef) error {
		if r.watch != nil {
			return refuse(hcs.ErrCallbackAlreadySet, "the handle has a callback")
		}
		r.watch = f
		r.tell()
		return nil
	})
}

// ProcessInfo is the pid of a running process (§2.2: of an exited one ErrProcessAlreadyStopped).
func (c *Client) ProcessInfo(h Handle) (pid uint32, err error) {
	err = c.onProcess("HcsGetProcessInfo", h, func(r *processRef) error {
		if r.p.exited {
			return r.p.stopped()
		}
		pid = r.p.pid
		return nil
	})
	return pid, err
}

func (p *process) stopped() error {
	return refuse(hcs.ErrProcessAlreadyStopped, "process %d has exited", p.pid)
}

// ProcessProperties is the ProcessStatus document, also of an exited process (§4).
func (c *Client) ProcessProperties(h Handle) (doc string, err error) {
	err = c.onProcess("HcsGetProcessProperties", h, func(r *processRef) error {
		doc = text(r.p.status())
		return nil
	})
	return doc, err
}

// ModifyProcess closes the process's stdin or resizes its console. Of an exited process: ErrProcessAlreadyStopped (assumed).
func (c *Client) ModifyProcess(h Handle, document string) error {
	return c.do("HcsModifyProcess", c.NameOf(h), func() error {
		r, err := use[*processRef](c, h)
		if err != nil {
			return err
		}
		var m schema.ModifyProcess
		if err := decode(document, &m); err != nil {
			return err
		}
		c.svc.mu.Lock()
		exited := r.p.exited
		c.svc.mu.Unlock()
		if exited {
			return r.p.stopped()
		}
		if err := r.p.modify(&m); err != nil {
			return err
		}
		if size := m.ConsoleSize; size != nil {
			c.svc.mu.Lock()
			r.p.console = []uint16{size.Height, size.Width}
			c.svc.mu.Unlock()
		}
		return nil
	})
}

func (p *process) modify(m *schema.ModifyProcess) error {
	switch {
	case m.Operation == "CloseHandle" && m.CloseHandle != nil && m.ConsoleSize == nil:
		switch m.CloseHandle.Handle {
		case "StdIn":
			if !p.params.CreateStdInPipe {
				return refuse(hcs.ErrInvalidArgument, "the process has no stdin pipe")
			}
			p.running.CloseStdin()
			return nil
		case "StdOut", "StdErr", "All": // no client sends them, and no source tells what the process sees
			return refuse(hcs.ErrNotSupported, "CloseHandle %s is not modelled", m.CloseHandle.Handle)
		}
		return refuse(hcs.ErrInvalidArgument, "CloseHandle %q", m.CloseHandle.Handle)
	case m.Operation == "ConsoleSize" && m.ConsoleSize != nil && m.CloseHandle == nil:
		if !p.params.EmulateConsole || m.ConsoleSize.Width == 0 || m.ConsoleSize.Height == 0 {
			return refuse(hcs.ErrInvalidArgument, "no console, or an empty size")
		}
		p.running.Resize(m.ConsoleSize.Width, m.ConsoleSize.Height)
		return nil
	}
	return refuse(hcs.ErrInvalidArgument, "Operation %q does not fit its settings", m.Operation)
}
