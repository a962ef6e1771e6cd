package task

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Pod is all tasks of one shim: the loop that owns their machine. Its methods may be called from any goroutine.
type Pod struct {
	run     *Runner
	publish func(Publish) // never blocks; called in order
	log     *slog.Logger

	in   chan message
	quit chan struct{}
	now  atomic.Pointer[view]

	// The loop's own.
	machine *Machine
	last    Call
	calls   map[Call]asked
	waits   map[Key]*waiter
	lives   map[Key]*live
}

// message is an event on its way to the loop. When somebody waits for its answer, make builds the event around the call's number.
type message struct {
	event Event
	make  func(Call) Event
	reply chan Reply
	live  *live      // the procedures' side of a process that the event brings into being
	of    *live      // that the event is about, when it could come after its end
	left  chan Reply // of a client that waits no longer
}

// asked is a request without an answer.
type asked struct {
	task  string
	reply chan Reply
}

// NewPod starts the loop. publish gets the events of the contract in their order and must not block.
func NewPod(run *Runner, publish func(Publish), log *slog.Logger) *Pod {
	p := &Pod{
		run: run, publish: publish, log: log,
		in: make(chan message), quit: make(chan struct{}),
		machine: NewMachine(),
		calls:   map[Call]asked{}, waits: map[Key]*waiter{}, lives: map[Key]*live{},
	}
	p.now.Store(&view{tasks: Snapshot{}})
	go p.loop()
	return p
}

// Close ends the loop; procedures under way finish beside it, and requests not yet answered never are. It does not release what
// tasks hold.
func (p *Pod) Close() { close(p.quit) }

// Snapshot is the present state.
func (p *Pod) Snapshot() Snapshot { return p.now.Load().tasks }

func (p *Pod) loop() {
	for {
		select {
		case <-p.quit:
			return
		case msg := <-p.in:
			p.step(msg)
		}
	}
}

func (p *Pod) step(msg message) {
	e := msg.event
	if msg.of != nil && p.lives[msg.of.key] != msg.of { // another task has the id now
		return
	}
	if msg.make != nil {
		p.last++
		e = msg.make(p.last)
		p.calls[p.last] = asked{e.task(), msg.reply}
	}
	if msg.left != nil {
		e = p.leaver(msg.left)
	}
	effects := p.machine.Step(time.Now(), e)
	// The machine refuses a second process of the same key: the first one's record must not be replaced.
	if l := msg.live; l != nil && p.lives[l.key] == nil && p.machine.has(l.key) {
		p.lives[l.key] = l
	}
	p.snapshot(p.machine.changed...)
	for _, f := range effects {
		p.effect(f)
	}
}

// leaver says which request a client waits for no longer; one that has been answered is none.
func (p *Pod) leaver(reply chan Reply) Event {
	for c, a := range p.calls {
		if a.reply == reply {
			return HasLeft{ID: a.task, Call: c}
		}
	}
	return HasLeft{}
}

// post brings an event from a procedure to the loop.
func (p *Pod) post(e Event) { p.send(message{event: e}) }

func (p *Pod) send(msg message) {
	select {
	case p.in <- msg:
	case <-p.quit:
	}
}

// ask brings a request to the loop and waits for its answer. When ctx ends first the request still takes its course, but for a delete:
// see Machine.released.
func (p *Pod) ask(ctx context.Context, l *live, build func(Call) Event) (Reply, error) {
	msg := message{make: build, reply: make(chan Reply, 1), live: l}
	select {
	case p.in <- msg:
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	case <-p.quit:
		return Reply{}, errClosed
	}
	select {
	case r := <-msg.reply:
		return r, r.Err
	case <-ctx.Done():
		p.send(message{left: msg.reply})
		return Reply{}, ctx.Err()
	case <-p.quit:
		return Reply{}, errClosed
	}
}

func (p *Pod) answer(r Reply) {
	if a, ok := p.calls[r.Call]; ok {
		delete(p.calls, r.Call)
		a.reply <- r
	}
}

// effect starts a procedure beside the loop, or does what only the loop may do.
func (p *Pod) effect(f Effect) {
	switch f := f.(type) {
	case Publish:
		p.publish(f)
	case Reply:
		p.answer(f)
	case Finish:
		if w := p.waits[f.Key]; w != nil && !w.closed {
			w.exit, w.closed = f.Exit, true
			close(w.done)
		}
	case Forget:
		p.effect(Finish{Key: f.Key}) // a create that came to nothing
		if l := p.lives[f.Key]; l != nil && l.family.Load() != nil {
			go p.run.leaveFamily(l)
		}
		delete(p.waits, f.Key)
		delete(p.lives, f.Key)
	default:
		p.start(f)
	}
}

// start runs a procedure. Each answers with an event; those of signals answer the request themselves.
func (p *Pod) start(f Effect) {
	switch f := f.(type) {
	case DoCreate:
		l := p.lives[Key{Task: f.ID}]
		go func() {
			err := p.run.create(l)
			p.post(HasCreated{Call: f.Call, ID: f.ID, Limits: l.plan.Limits, Err: err})
		}()
	case CancelCreate:
		p.lives[Key{Task: f.ID}].cancel()
	case DoStart:
		l := p.lives[f.Key]
		go func() {
			pid, err := l.kind.start(p.run, l)
			p.post(HasStarted{Call: f.Call, Key: f.Key, Pid: pid, Err: err})
			if err == nil {
				p.post(HasExited{Key: f.Key, Exit: l.kind.wait(p.run, l)})
			}
		}()
	case DoSignal:
		l := p.lives[f.Key]
		go p.replyWith(f.Call, f.Key, func() error { return l.kind.signal(p.run, l, f.Number, f.All) })
	case DoKill:
		l := p.lives[f.Key]
		go p.replyWith(f.Call, f.Key, func() error { return l.kind.kill(p.run, l, f.All) })
	case DoResize:
		l := p.lives[f.Key]
		go p.replyWith(f.Call, f.Key, func() error { return p.run.resize(l, f.Size) })
	case DoPause:
		l := p.lives[Key{Task: f.ID}]
		go func() {
			err := l.kind.freeze(p.run, l, f.Pause)
			p.post(HasPaused{Call: f.Call, ID: f.ID, Pause: f.Pause, Err: err})
		}()
	case DoUpdate:
		l := p.lives[Key{Task: f.ID}]
		go func() {
			now, err := l.kind.update(p.run, l, f)
			p.post(HasUpdated{Call: f.Call, ID: f.ID, Limits: now, Err: err})
		}()
	case DoCloseInput:
		l := p.lives[f.Key]
		go l.closeInput()
	case DoDrain:
		l := p.lives[f.Key]
		go func() { l.kind.drain(p.run, l); p.post(HasDrained{f.Key}) }()
	case DoStop:
		l := p.lives[Key{Task: f.ID}]
		go func() { l.kind.stop(p.run, l); p.post(HasStopped{f.ID}) }()
	case DoRelease:
		l := p.lives[f.Key]
		go func() { p.post(HasReleased{Key: f.Key, Err: p.run.giveBack(l)}) }()
	case DoErase:
		l := p.lives[f.Key]
		go func() { p.run.erase(l); p.post(HasErased{f.Key}) }()
	}
}

// replyWith runs a procedure that has no other outcome than its error.
func (p *Pod) replyWith(c Call, k Key, do func() error) {
	if err := do(); c != 0 {
		p.post(HasAnswered{k, Reply{Call: c, Err: err}})
	}
}
