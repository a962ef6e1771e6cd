package sim

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// ctrlExit is STATUS_CONTROL_C_EXIT: the code of a process that a control event ended (§4).
const ctrlExit = 0xC000013A

// noMemory is STATUS_NO_MEMORY: the code of a process that could not get memory (assumed; each runtime has its own).
const noMemory = 0xC0000017

// sharedStreams are the streams of a process and of the children it spawned: closed when the last of them has ended.
type sharedStreams struct {
	in       untilReader
	out, err untilWriter
	mu       sync.Mutex
	holders  int
}

// share takes the streams for a first holder.
func share(s Streams) (*sharedStreams, error) {
	sh := &sharedStreams{holders: 1}
	var ok bool
	if s.Stdin != nil {
		if sh.in, ok = s.Stdin.(untilReader); !ok {
			return nil, refuse(hcs.ErrInvalidArgument, "a script cannot read a %T", s.Stdin)
		}
	}
	if s.Stdout != nil {
		if sh.out, ok = s.Stdout.(untilWriter); !ok {
			return nil, refuse(hcs.ErrInvalidArgument, "a script cannot write a %T", s.Stdout)
		}
	}
	if s.Stderr != nil {
		if sh.err, ok = s.Stderr.(untilWriter); !ok {
			return nil, refuse(hcs.ErrInvalidArgument, "a script cannot write a %T", s.Stderr)
		}
	}
	return sh, nil
}

func (s *sharedStreams) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holders++
}

func (s *sharedStreams) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders--; s.holders > 0 {
		return
	}
	if s.in != nil {
		_ = s.in.Close() // closing an end in memory cannot fail
	}
	if s.out != nil {
		_ = s.out.Close()
	}
	if s.err != nil {
		_ = s.err.Close()
	}
}

// scriptProcess is one running script. Its threads are the script itself and the handlers that run.
type scriptProcess struct {
	group   *scriptGroup
	params  *schema.ProcessParameters
	pid     uint32
	image   string
	created time.Time
	streams *sharedStreams
	threads sync.WaitGroup

	mu            sync.Mutex
	handlers      map[schema.Signal][]statement // an empty block ignores
	ended         bool
	code          uint32
	family        *family // its job object, nil for the container's alone; its children are born into it
	width, height uint16
	resized       chan struct{} // closed and replaced by Resize

	dead   chan struct{} // closed when it must end
	reaped chan struct{} // closed when it has, and its streams are released

	memory, user100ns uint64 // guarded by group.mu
}

func (p *scriptProcess) Pid() uint32 { return p.pid }

// Wait blocks until the process has ended.
func (p *scriptProcess) Wait() uint32 {
	<-p.reaped
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code
}

// Kill ends the process; the first code counts.
func (p *scriptProcess) Kill(code uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended, p.code = true, code
		close(p.dead)
	}
}

// inherited is the family that a child is born into.
func (p *scriptProcess) inherited() *family {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.family
}

// reap completes the end.
func (p *scriptProcess) reap() {
	<-p.dead
	p.threads.Wait()
	p.streams.release()
	p.group.account(func(u *Usage) { u.CommitBytes -= p.memory })
	p.group.mu.Lock()
	delete(p.group.procs, p.pid)
	p.group.mu.Unlock()
	if f := p.inherited(); f != nil {
		f.drop(p)
	}
	close(p.reaped)
}

// Signal delivers a control event.
func (p *scriptProcess) Signal(s schema.Signal) error {
	frozen := p.group.thaws() != nil
	p.mu.Lock()
	body, handled := p.handlers[s]
	switch {
	case p.ended || handled && len(body) == 0:
	case handled:
		p.threads.Go(func() { p.run(body) })
	case frozen:
		p.threads.Go(func() {
			if p.awake() {
				p.Kill(ctrlExit)
			}
		})
	}
	p.mu.Unlock()
	if !handled && !frozen {
		p.Kill(ctrlExit)
	}
	return nil
}

func (p *scriptProcess) handle(st *statement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[st.signal] = st.block
}

// CloseStdin makes the script see the end of its input.
func (p *scriptProcess) CloseStdin() {
	if p.streams.in != nil {
		p.streams.in.Finish()
	}
}

// Resize sets the size of the console.
func (p *scriptProcess) Resize(width, height uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.width, p.height = width, height
	close(p.resized)
	p.resized = make(chan struct{})
}

func (p *scriptProcess) main(script []statement) {
	if p.run(script) {
		p.Kill(0)
	}
}

// run executes statements; false means that the process has ended.
func (p *scriptProcess) run(list []statement) bool {
	if !p.awake() {
		return false
	}
	for i := range list {
		if !p.step(&list[i]) {
			return false
		}
	}
	return !p.pause(0)
}

// pause waits; true means that the process has ended meanwhile. A negative time is for ever.
func (p *scriptProcess) pause(d time.Duration) bool {
	if d != 0 {
		var over <-chan time.Time
		if d > 0 {
			t := time.NewTimer(d)
			defer t.Stop()
			over = t.C
		}
		select {
		case <-p.dead:
		case <-over:
		}
	}
	return !p.awake()
}

// awake waits while the container is frozen; false means that the process has ended.
func (p *scriptProcess) awake() bool {
	for {
		select {
		case <-p.dead:
			return false
		default:
		}
		thawed := p.group.thaws()
		if thawed == nil {
			return true
		}
		select {
		case <-p.dead:
		case <-thawed:
		}
	}
}

func (p *scriptProcess) step(st *statement) bool {
	switch st.verb {
	case "print":
		p.print(p.streams.out, st.text)
	case "eprint":
		if p.params.EmulateConsole {
			p.print(p.streams.out, st.text)
		} else {
			p.print(p.streams.err, st.text)
		}
	case "echo-stdin":
		p.input(func(b []byte) bool { p.write(p.streams.out, b); return true })
	case "read":
		p.input(func([]byte) bool { return true })
	case "read-line":
		p.print(p.streams.out, p.readLine())
	case "env":
		p.print(p.streams.out, p.params.Environment[st.text])
	case "cwd":
		p.print(p.streams.out, p.params.WorkingDirectory)
	case "user":
		p.print(p.streams.out, p.params.User)
	case "size", "size-change":
		p.console(st.verb == "size-change")
	case "sleep":
		return !p.pause(st.wait)
	case "burn":
		ended := p.pause(st.wait)
		p.group.account(func(u *Usage) {
			u.User100ns += uint64(st.wait / 100) //nolint:gosec // not negative
			p.user100ns += uint64(st.wait / 100) //nolint:gosec // not negative
		})
		return !ended
	case "wait":
		return !p.pause(-1)
	case "alloc", "commit", "try-alloc":
		return p.alloc(st)
	case "free":
		p.group.account(func(u *Usage) { u.CommitBytes -= p.memory; p.memory = 0 })
	case "exit":
		p.Kill(uint32(st.number)) //nolint:gosec // parsed as 32 bits
		return false
	case "repeat":
		for range st.number {
			if !p.run(st.block) {
				return false
			}
		}
	case "ignore", "on":
		p.handle(st)
	case "spawn":
		p.streams.hold()
		params := *p.params
		params.CommandLine = st.block[0].verb
		if _, err := p.group.start(&params, p.streams, st.block, p.inherited()); err != nil {
			p.streams.release() // the container is ending, and this process with it
		}
	}
	return !p.pause(0)
}

// alloc commits memory as a heap that grows does, or all of it at once. A program that gets none ends (assumed: most do not look).
func (p *scriptProcess) alloc(st *statement) bool {
	piece := uint64(1 << 20)
	if st.verb == "commit" {
		piece = st.number
	}
	for left := st.number; left > 0; left -= min(left, piece) {
		if p.group.commit(p, min(left, piece)) {
			continue
		}
		if st.verb != "try-alloc" {
			p.Kill(noMemory)
			return false
		}
		break
	}
	return !p.pause(0)
}

func (p *scriptProcess) print(w untilWriter, s string) {
	if n, ok := parseSize(s); ok {
		p.write(w, Pattern(int(n))) //nolint:gosec // at most 4 GiB of MiB
		return
	}
	p.write(w, []byte(s+"\n"))
}

func (p *scriptProcess) write(w untilWriter, b []byte) {
	if w == nil {
		return
	}
	const most = 64 << 10 // between two looks whether it may go on
	for piece := range slices.Chunk(b, most) {
		if !p.awake() {
			return
		}
		n, err := w.WriteUntil(p.dead, piece)
		p.group.account(func(u *Usage) {
			u.WriteCount++
			u.WrBytes += uint64(n) //nolint:gosec // not negative
		})
		if err != nil {
			return // a closed stream takes no more; that is no error of the program
		}
	}
}

// input reads stdin until its end, or until take returns false.
func (p *scriptProcess) input(take func([]byte) bool) {
	if p.streams.in == nil {
		return
	}
	b := make([]byte, 32<<10)
	for {
		n, err := p.streams.in.ReadUntil(p.dead, b)
		p.group.account(func(u *Usage) {
			u.ReadCount++
			u.ReadBytes += uint64(n) //nolint:gosec // not negative
		})
		if !p.awake() || n > 0 && !take(b[:n]) || err != nil {
			return
		}
	}
}

// readLine reads up to a newline, one byte at a time: what follows belongs to the next statement.
func (p *scriptProcess) readLine() string {
	var line bytes.Buffer
	if p.streams.in == nil {
		return ""
	}
	var b [1]byte
	for {
		n, err := p.streams.in.ReadUntil(p.dead, b[:])
		if n == 0 && err != nil || b[0] == '\n' {
			return line.String()
		}
		line.WriteByte(b[0])
	}
}

// console prints the console's size, after a change if asked.
func (p *scriptProcess) console(change bool) {
	p.mu.Lock()
	resized := p.resized
	p.mu.Unlock()
	if change {
		select {
		case <-resized:
		case <-p.dead:
			return
		}
	}
	p.mu.Lock()
	size := fmt.Sprintf("%dx%d", p.width, p.height)
	p.mu.Unlock()
	p.print(p.streams.out, size)
}
