package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/admission"
	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/task/network"
	"containerd-shim-hcs/task/stdio"
	"containerd-shim-hcs/task/storage"
)

// Bounds of the procedures. Every OS call is inside one of them.
const (
	createBound  = 8 * time.Minute // the steps of a create together
	admitBound   = 4 * time.Minute // for others to be made
	layersBound  = 2 * time.Minute
	systemBound  = 4 * time.Minute
	startBound   = 4 * time.Minute
	ownBound     = 5 * time.Second  // for another process to let go of the container's id
	dialBound    = 10 * time.Second // the client's pipes are served before it asks for the process
	progressTick = 2 * time.Second  // between looks at a container that shuts down
	killBound    = 10 * time.Second // a process or container that was terminated
	releaseBound = 60 * time.Second
	callBound    = 10 * time.Second // small calls: signal, resize
	// signalAnswer is how long the answer to a signal waits for the service: with server core HcsSignalProcess returns only when
	// the process is gone (peer-runhcs §2.3).
	signalAnswer = 500 * time.Millisecond
	// askAgain is the pause between questions whether a terminated container has stopped.
	askAgain = time.Second
)

// Runner is the procedures: what the machine's effects do at the OS. Each reads top to bottom and names its step in its error.
type Runner struct {
	Machine   hcs.Machine
	Ledgers   string // directory of the ledgers
	Namespace string // containerd's
	Lock      ledger.Locker
	Slots     admission.Slots // for layers and compute systems that are being made
	// Alive reports whether containerd runs.
	Alive func(context.Context) bool
	Log   *slog.Logger

	starts  breaker // of processes
	traffic traffic
}

// live is a process's side of the procedures. Procedures of one process follow each other, as the machine orders them; those that
// may run beside another (kill, signal, resize, close input) use only the atomic fields.
type live struct {
	key    Key
	detail Detail
	ctx    context.Context // of the create, so that it can be given up
	cancel context.CancelFunc

	kind        *kind
	plan        Plan                     // init only; its limits are what update last came to
	doubt       bool                     // init only; the limits may be others, because an update could not be taken back
	params      schema.ProcessParameters // the process; init's come from the plan
	bounds      Bounds                   // init only; execs have their container's
	since       time.Time                // a record only: when it was made
	quit        <-chan struct{}          // init only; closed with the loop
	space       string                   // init only; GUID of its network namespace, empty for none
	connecting  sync.Mutex               // init only; held while its endpoints change, and while it is given back
	parent      *live                    // an exec's init
	ledger      *ledger.Ledger
	disown      func()                       // gives up the ownership of the container
	system      atomic.Pointer[systemHandle] // init only
	streams     atomic.Pointer[stdio.Set]
	process     atomic.Pointer[processHandle]
	closing     atomic.Bool                  // standard input ends
	gone        chan struct{}                // closed when the process has ended
	lost        chan struct{}                // closed when nothing ends it and we give up
	given       atomic.Bool                  // lost was closed
	unknown     atomic.Bool                  // the service was lost; whether the process runs is being found out
	usage       usage                        // init only
	watching    sync.Once                    // begins the watch over its memory
	hit         func()                       // init only; tells the loop that the memory limit was hit
	told        atomic.Bool                  // it was told to end
	killedAll   atomic.Bool                  // init only; everything in the container is to be terminated
	killed      atomic.Bool                  // it was terminated while it ran
	shut        atomic.Bool                  // init only; its compute system was asked to shut down
	family      atomic.Pointer[familyHandle] // an exec's
	terminating atomic.Int32                 // terminations that wait for their answer
	failed      atomic.Bool                  // it has ended with an error, and was not told to
}

// Interfaces cannot be swapped atomically, structs around them can.
type systemHandle struct {
	hcs.System
	exited chan struct{} // closed when the system has stopped, or the service was lost
	lost   atomic.Bool   // set before the latter: the handle is worth nothing, the system may live
}
type processHandle struct {
	hcs.Process
	system hcs.System // the process's own way to it, after the service was lost; nil otherwise
}

// watch makes the end of a system something that many can wait for.
func watch(sys hcs.System) *systemHandle {
	h := &systemHandle{System: sys, exited: make(chan struct{})}
	go func() {
		e := <-sys.Exited()
		h.lost.Store(e.Err != nil)
		close(h.exited)
	}()
	return h
}

func (p *processHandle) closeAll() error {
	err := p.Close()
	if p.system != nil {
		err = errors.Join(err, p.system.Close())
	}
	return err
}

func newLive(k Key, d Detail) *live {
	l := &live{key: k, detail: d, kind: &system, gone: make(chan struct{}), lost: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// container is the live side of the process's init.
func (l *live) container() *live {
	if l.parent != nil {
		return l.parent
	}
	return l
}

// create makes a task that has been planned: pipes, namespace, layers, compute system. On error everything is given back; what could not be stays
// in the ledger.
func (r *Runner) create(l *live) (err error) {
	ctx, cancel := context.WithTimeout(l.ctx, createBound)
	defer cancel()
	l.usage.limit(l.plan.Limits.MemoryMB)
	if err := r.own(ctx, l); err != nil {
		return fmt.Errorf("create %s: %w", l.key, err)
	}
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("create %s: %w", l.key, err)
		if left := r.giveBack(l); left != nil {
			err = errors.Join(err, left)
			l.disown() // whoever comes next takes it over
			return
		}
		r.erase(l)
	}()
	if err := r.open(ctx, l); err != nil {
		return err
	}
	return l.kind.make(r, ctx, l, l.plan)
}

// plan reads what a container is to be. It acquires nothing.
func (r *Runner) plan(ctx context.Context, req CreateRequest) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, callBound)
	defer cancel()
	b, err := os.ReadFile(filepath.Join(req.Detail.Bundle, "config.json"))
	if err != nil {
		return Plan{}, fmt.Errorf("bundle: %w", err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(b, &spec); err != nil {
		return Plan{}, fmt.Errorf("bundle: config.json: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	facts, err := r.Machine.Host.Facts(ctx)
	if err != nil {
		return Plan{}, fmt.Errorf("host facts: %w", err)
	}
	plan, err := Resolve(req.ID, &spec, req.Options, req.Detail.Rootfs, facts)
	if err != nil {
		return Plan{}, err
	}
	if plan.Init.EmulateConsole != req.Detail.IO.Terminal {
		return Plan{}, fmt.Errorf("process.terminal is %t and the request's terminal is %t: %w", plan.Init.EmulateConsole, req.Detail.IO.Terminal, errdefs.ErrInvalidArgument)
	}
	return plan, nil
}

// own makes this shim the container's owner, and gives back what an earlier owner, who is dead, left behind under its id.
func (r *Runner) own(ctx context.Context, l *live) error {
	led, err := ledger.Open(r.Ledgers, r.Namespace, l.key.Task)
	if err != nil {
		return err
	}
	disown, err := led.OwnSoon(ctx, r.Lock, ownBound)
	if err != nil {
		return fmt.Errorf("another shim has this container: %w: %w", err, errdefs.ErrAlreadyExists)
	}
	if led, err = ledger.Open(r.Ledgers, r.Namespace, l.key.Task); err != nil { // as the last owner left it
		disown()
		return err
	}
	if held := led.Held(); len(held) > 0 {
		r.Log.Warn("an earlier container left something behind", "id", l.key.Task, "held", held)
	}
	if err := errors.Join(Release(ctx, r.Machine, led), led.Forget()); err != nil {
		disown()
		return fmt.Errorf("left behind by an earlier container: %w", err)
	}
	l.ledger, l.disown = led, sync.OnceFunc(disown)
	return nil
}

// open dials the client's pipes.
func (r *Runner) open(ctx context.Context, l *live) error {
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	host := r.Machine.Host
	client := stdio.Client{Dial: host.DialPipe, Listen: host.ListenPipe, Spawn: host.Spawn, ID: l.key.Task, Namespace: r.Namespace, Log: r.Log, Alive: r.Alive}
	if l.key.Exec != "" {
		client.ID = l.key.Exec
	}
	s, err := stdio.Open(ctx, client, l.detail.IO, l.container().bounds.Output)
	if err != nil {
		return err
	}
	l.streams.Store(s)
	if l.closing.Load() {
		s.CloseInput()
	}
	return nil
}

func (r *Runner) make(ctx context.Context, l *live, plan Plan) error {
	var held Held
	var err error
	if held.Namespace, err = network.Attach(ctx, r.Machine.Network, plan.Network, l.ledger); err != nil {
		return err
	}
	l.space = held.Namespace
	done, err := r.admitted(ctx, l)
	if err != nil {
		return err
	}
	defer done()
	err = within(ctx, layersBound, "layers", func(ctx context.Context) (err error) {
		held.Storage, err = storage.Attach(ctx, r.Machine, plan.Storage, l.ledger)
		return err
	})
	if err != nil {
		return err
	}
	if err := l.ledger.Claim(ledger.Entry{Kind: ledger.System, ID: plan.ID}); err != nil {
		return err
	}
	var sys hcs.System
	err = within(ctx, systemBound, "compute system", func(ctx context.Context) (err error) {
		sys, err = r.Machine.Compute.Create(ctx, plan.ID, Document(plan, held))
		return err
	})
	if err != nil {
		if errdefs.IsAlreadyExists(err) { // it is somebody else's: not ours to release
			_ = l.ledger.Released(ledger.Entry{Kind: ledger.System, ID: plan.ID})
			err = fmt.Errorf("%w: made by %q", err, r.ownerOf(ctx, plan.ID))
		}
		return fmt.Errorf("compute system: %w", err)
	}
	l.system.Store(watch(sys))
	if a := plan.Limits.Affinity; len(a) > 0 {
		return within(ctx, callBound, "processor affinity", func(ctx context.Context) error { return sys.SetAffinity(ctx, a) })
	}
	return nil
}

// ownerOf is what made a compute system that no shim of this kind owns, for an error's text.
func (r *Runner) ownerOf(ctx context.Context, id string) string {
	list, err := r.Machine.Compute.List(ctx, schema.SystemQuery{IDs: []string{id}})
	if err != nil || len(list) == 0 {
		return "unknown"
	}
	return list[0].Owner
}

// start runs the process and joins its streams.
func (r *Runner) start(l *live) (uint32, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startBound)
	defer cancel()
	p, err := r.launch(ctx, l)
	if err != nil {
		if s := l.streams.Load(); s != nil {
			s.Close()
		}
		return 0, fmt.Errorf("start %s: %w", l.key, err)
	}
	l.process.Store(&processHandle{Process: p})
	r.watchMemory(l)
	l.streams.Load().Attach(p)
	return p.Pid(), nil
}

func (r *Runner) launch(ctx context.Context, l *live) (hcs.Process, error) {
	sys := l.container().system.Load()
	if l.parent == nil {
		if err := sys.Start(ctx); err != nil {
			return nil, err
		}
	} else if err := r.open(ctx, l); err != nil {
		return nil, err
	}
	params := l.params
	l.detail.IO.Ask(&params)
	if err := r.starts.allow(time.Now()); err != nil {
		return nil, err
	}
	p, err := sys.Run(ctx, &params)
	r.starts.done(time.Now(), err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", attempt(&params), err)
	}
	if l.parent != nil {
		r.enclose(ctx, l, p)
	}
	return p, nil
}

// attempt says what was to be run, in the words of the request: clients look for the program's name in the error, as it was written.
func attempt(p *schema.ProcessParameters) string {
	s := "run " + p.CommandLine + " in " + p.WorkingDirectory
	if p.User != "" {
		s += " as " + p.User
	}
	return s
}

// drain waits for the process's output and gives its handle back.
func (r *Runner) drain(l *live) {
	rep := l.streams.Load().Drain(l.container().bounds.Output)
	if rep.Cut > 0 || rep.Held {
		r.Log.Warn("output ended by the drain bound", "process", l.key.String(), "delivered", rep.Bytes, "cut", rep.Cut, "held", rep.Held)
	}
	if l.parent == nil { // no client comes back for an exec
		l.streams.Load().Farewell(l.quit)
	}
	if err := l.process.Load().closeAll(); err != nil {
		r.Log.Warn("close process", "process", l.key.String(), "error", err)
	}
}

// closeInput ends standard input, now or when the streams are there.
func (l *live) closeInput() {
	l.closing.Store(true)
	if s := l.streams.Load(); s != nil {
		s.CloseInput()
	}
}
