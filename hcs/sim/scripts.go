package sim

import (
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// Scripts is a Launcher whose processes are goroutines that run a little language. Their streams must be ends of Pipe or of
// a pipe from DialPipe. Known users are the two of the base images and SYSTEM; a working directory exists when it is the root of C:,
// Windows' own, one that AddDir named, or below a mapped directory.
//
// The language: a command line is statements separated by ";"; one pair of quotes around
// all of it is taken off. A process that comes to the end exits with 0. An unknown first word is a program that does not exist.
//
//	print TEXT          write TEXT and a newline to stdout; print 8MiB (B, KiB, MiB) writes that many bytes of Pattern
//	eprint TEXT         the same to stderr
//	echo-stdin          copy stdin to stdout until end of file
//	read                read stdin until end of file, and drop it
//	read-line           read one line of stdin and print it
//	env NAME, cwd, user print that
//	size                print the console's size as WIDTHxHEIGHT; size-change waits until it is set anew, then prints it
//	sleep DURATION      wait       burn DURATION  wait and account it as user time
//	wait                wait for ever
//	alloc 64MiB         commit memory, in pieces of 1 MiB: when one is refused the process ends with STATUS_NO_MEMORY
//	commit 64MiB        the same in one piece      try-alloc SIZE  as alloc, but the process goes on without what was refused
//	free                give back what the process has committed
//	exit CODE           end the process: 3, 0xC0000005
//	repeat N { … }      do it N times
//	ignore SIGNAL       from now on SIGNAL (CtrlC, CtrlBreak, CtrlClose, CtrlLogOff, CtrlShutdown) does nothing
//	on SIGNAL { … }     from now on SIGNAL runs the block, beside what runs already
//	on SIGNAL …         the same with all the rest as the block; the process then waits for ever
//	spawn { … }         start a child that shares the streams; spawn STATEMENT takes that one statement
//
// A signal that is neither ignored nor handled ends the process with 0xC000013A. Leading ignore and on statements are in force
// before the process is there, so that a signal cannot come too early. Output to a closed stream is dropped.
type Scripts struct {
	mu   sync.Mutex
	dirs map[string]bool
	pid  uint32
}

// NewScripts makes a launcher.
func NewScripts() *Scripts {
	s := &Scripts{dirs: map[string]bool{}, pid: 1000}
	s.AddDir(`C:\`, `C:\Windows`, `C:\Windows\System32`)
	return s
}

// AddDir makes directories exist in every container.
func (l *Scripts) AddDir(paths ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range paths {
		l.dirs[pathKey(p)] = true
	}
}

// Open never fails.
func (l *Scripts) Open(c Container) (Group, error) {
	return &scriptGroup{launcher: l, container: c, limit: c.MemoryMB << 20, procs: map[uint32]*scriptProcess{}}, nil
}

func (l *Scripts) newPid() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pid += 4 // Windows' pids are multiples of four
	return l.pid
}

func (l *Scripts) hasDir(dir string, mounts []schema.MappedDirectory) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if dir == "" || l.dirs[pathKey(dir)] {
		return true
	}
	for _, m := range mounts {
		if below := pathKey(m.ContainerPath); pathKey(dir) == below || strings.HasPrefix(pathKey(dir), below+`\`) {
			return true
		}
	}
	return false
}

// scriptGroup is one container's processes.
type scriptGroup struct {
	launcher  *Scripts
	container Container

	mu    sync.Mutex
	dead  bool
	procs map[uint32]*scriptProcess
	used  Usage         // of all processes; CommitBytes of those that run
	limit uint64        // of CommitBytes, 0 for none
	thaw  chan struct{} // closed when the processes may run on; nil unless they are frozen
}

// untilReader and untilWriter are streams that a killed process can be taken away from.
type untilReader interface {
	io.Closer
	ReadUntil(stop <-chan struct{}, p []byte) (int, error)
	Finish()
}

type untilWriter interface {
	io.Closer
	WriteUntil(stop <-chan struct{}, p []byte) (int, error)
}

var users = map[string]bool{
	"": true, "containeruser": true, "containeradministrator": true, `user manager\containeruser`: true, `user manager\containeradministrator`: true,
	"system": true, `nt authority\system`: true,
}

// Launch starts a script.
func (g *scriptGroup) Launch(p *schema.ProcessParameters, s Streams) (Running, error) {
	streams, err := share(s)
	if err != nil {
		s.Close()
		return nil, err
	}
	proc, err := g.launch(p, streams)
	if err != nil {
		streams.release()
		return nil, err
	}
	return proc, nil
}

func (g *scriptGroup) launch(p *schema.ProcessParameters, streams *sharedStreams) (*scriptProcess, error) {
	line := p.CommandLine
	if line == "" {
		line = p.ApplicationName
	}
	script, err := parseScript(line)
	switch {
	case !users[strings.ToLower(p.User)]:
		return nil, refuse(hcs.ErrLogonFailure, "no user %q", p.User)
	case !g.launcher.hasDir(p.WorkingDirectory, g.container.Mounts):
		return nil, refuse(hcs.ErrInvalidDirectory, "no directory %s in the container", p.WorkingDirectory)
	case err != nil:
		return nil, err
	}
	return g.start(p, streams, script, nil)
}

// start makes a process that holds the streams, and runs it; f is its parent's family.
func (g *scriptGroup) start(p *schema.ProcessParameters, streams *sharedStreams, script []statement, f *family) (*scriptProcess, error) {
	word, _ := cutWord(p.CommandLine)
	proc := &scriptProcess{
		group: g, params: p, pid: g.launcher.newPid(), image: word + ".exe", created: time.Now(), streams: streams,
		handlers: map[schema.Signal][]statement{}, dead: make(chan struct{}), reaped: make(chan struct{}), resized: make(chan struct{}),
	}
	if len(p.ConsoleSize) == 2 {
		proc.height, proc.width = p.ConsoleSize[0], p.ConsoleSize[1]
	}
	for len(script) > 0 && (script[0].verb == "ignore" || script[0].verb == "on") {
		proc.handle(&script[0])
		script = script[1:]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return nil, refuse(hcs.ErrInvalidState, "the container has ended")
	}
	g.procs[proc.pid] = proc
	if f != nil {
		proc.enter(f)
	}
	proc.threads.Go(func() { proc.main(script) })
	go proc.reap()
	return proc, nil
}

// Processes lists what runs, in the order of pids.
func (g *scriptGroup) Processes() []schema.ProcessDetails {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := []schema.ProcessDetails{}
	for _, p := range g.procs {
		list = append(list, schema.ProcessDetails{
			ProcessID: p.pid, ImageName: p.image, CreateTimestamp: p.created.UTC(), UserTime100ns: p.user100ns,
			MemoryCommitBytes: p.memory, MemoryWorkingSetPrivateBytes: p.memory,
		})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ProcessID < list[j].ProcessID })
	return list
}

// Usage is the sum over all processes so far.
func (g *scriptGroup) Usage() Usage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used
}

// Kill ends every process, and returns when all are gone.
func (g *scriptGroup) Kill(code uint32) {
	g.mu.Lock()
	g.dead = true
	g.mu.Unlock()
	list := g.all()
	for _, p := range list {
		p.Kill(code)
	}
	for _, p := range list {
		<-p.reaped
	}
}

// Limit changes what may be committed from now on.
func (g *scriptGroup) Limit(memoryMB uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = memoryMB << 20
}

func (g *scriptGroup) all() []*scriptProcess {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.procs))
}

// SignalAll tells every process.
func (g *scriptGroup) SignalAll(s schema.Signal) {
	for _, p := range g.all() {
		_ = p.Signal(s) // a known event
	}
}

// Empty waits for every process, and for those that they start meanwhile.
func (g *scriptGroup) Empty(stop <-chan struct{}) {
	for {
		list := g.all()
		if len(list) == 0 {
			return
		}
		for _, p := range list {
			select {
			case <-p.reaped:
			case <-stop:
				return
			}
		}
	}
}

// Freeze stops the processes between two of their steps, or lets them run on.
func (g *scriptGroup) Freeze(frozen bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case frozen && g.thaw == nil:
		g.thaw = make(chan struct{})
	case !frozen && g.thaw != nil:
		close(g.thaw)
		g.thaw = nil
	}
}

// thaws is closed when the processes may run on; nil when they may.
func (g *scriptGroup) thaws() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.thaw
}

// commit gives memory to a process, unless that would pass the limit: a job object refuses such a request, whoever of its processes
// makes it, and the peak counts only what was granted (JOB_OBJECT_LIMIT_JOB_MEMORY; the latter is assumed).
func (g *scriptGroup) commit(p *scriptProcess, n uint64) bool {
	granted := false
	g.account(func(u *Usage) {
		if granted = g.limit == 0 || u.CommitBytes+n <= g.limit; granted {
			u.CommitBytes += n
			p.memory += n
		}
	})
	return granted
}

// Close has nothing to release: the processes are gone.
func (g *scriptGroup) Close() {}

// account changes the usage under the group's lock.
func (g *scriptGroup) account(f func(*Usage)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.used)
	g.used.PeakCommitBytes = max(g.used.PeakCommitBytes, g.used.CommitBytes)
	g.used.PrivateSet = g.used.CommitBytes
}
