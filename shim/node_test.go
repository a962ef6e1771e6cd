package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/containerd/api/events"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	eventsapi "github.com/containerd/containerd/api/services/ttrpc/events/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/ttrpc"
	"github.com/containerd/typeurl/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/host"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/ledger"
)

// node is a machine with the simulator under it, a shim on it and a containerd around it: what receives events, serves the streams'
// pipes and calls the task API, for one container.
type node struct {
	*lab
	id string
}

// as is the same node with another container.
func (n *node) as(id string) *node { return &node{lab: n.lab, id: id} }

// shimID is of the container that the shim is started for.
const shimID = "web"

type lab struct {
	t       testing.TB
	svc     *sim.Service
	machine hcs.Machine // containerd's own client of the simulator: for pipes
	dir     string
	served  chan error
	crash   func() // ends the shim as a kill does: HCS closes its handles
	crashed bool
	shim    *sim.Client
	locks   []func() // of the shim; guarded by mu
	task    taskapi.TTRPCTaskService
	client  *ttrpc.Client

	mu     sync.Mutex
	events []string
	deaf   bool // to events: the shim that may still send one was killed
	outs   map[string]*stream
	// bundles are the newest of each container.
	bundles map[string]string
	options *runhcs.Options // that the next shim is started with
}

// stream is the client's end of an output pipe.
type stream struct {
	listener net.Listener
	done     chan struct{}
	data     []byte
}

const (
	ns          = "default"
	eventsPipe  = `\\.\pipe\containerd-containerd.ttrpc`
	scratchDir  = `C:\snapshots\3`
	baseDir     = `C:\snapshots\1`
	secondLayer = `C:\snapshots\2`
)

// newNode starts a shim for the task "web". wrap may put something between the shim and the simulator.
func newNode(t testing.TB, cfg sim.Config, wrap func(hcs.Machine) hcs.Machine) *node {
	store := sim.NewMemory()
	store.AddDir(baseDir, secondLayer)
	store.AddScratch(scratchDir)
	cfg.Store = store
	n := &node{&lab{t: t, svc: sim.New(cfg), dir: t.TempDir(), outs: map[string]*stream{}, bundles: map[string]string{}}, shimID}
	n.machine = n.svc.Machine(n.svc.Connect("containerd.exe", 1))
	n.serveEvents()

	n.boot(wrap)
	return n
}

// boot starts a shim; a crashed one can be followed by another.
func (n *node) boot(wrap func(hcs.Machine) hcs.Machine) {
	t := n.t
	shimClient := n.svc.Connect("containerd-shim-hcs-v1.exe", 2)
	n.shim = shimClient
	m := n.svc.Machine(shimClient)
	if wrap != nil {
		m = wrap(m)
	}
	n.hear(true)
	n.crashed, n.served = false, make(chan error, 1)
	ready := make(chan struct{})
	ctx, end := context.WithCancel(t.Context())
	served := n.served
	n.crash = func() {
		n.crashed = true
		n.hear(false)
		undo := n.keepLedgers()
		shimClient.Close()
		n.unlock()
		end()
		<-served
		served <- nil
		_ = n.client.Close()
		time.Sleep(5 * time.Minute)
		undo()
		n.svc.ResetJournal()
	}
	go func() {
		served <- Serve(ctx, Config{Machine: m, Namespace: ns, ID: shimID, Bundle: n.dir, Events: eventsPipe, Ledgers: n.ledgers(), Lock: n.lock, Options: n.options}, func() { close(ready) })
		shimClient.Close() // the end of the process
		n.unlock()
	}()
	select {
	case <-ready:
	case err := <-served:
		t.Fatal(err)
	}
	n.connect()
}

// connect dials the shim.
func (n *node) connect() {
	conn, err := n.machine.Host.DialPipe(n.t.Context(), Address(ns, shimID))
	if err != nil {
		n.t.Fatal(err)
	}
	n.client = ttrpc.NewClient(conn)
	n.task = taskapi.NewTTRPCTaskClient(n.client)
}

func (n *node) ledgers() string { return filepath.Join(n.dir, "ledger") }

// lock is the shim's Locker; the system takes the locks of a process that dies.
func (n *node) lock(path string) (func(), error) {
	unlock, err := host.TryLockFile(path)
	if err != nil {
		return nil, err
	}
	unlock = sync.OnceFunc(unlock)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.locks = append(n.locks, unlock)
	return unlock, nil
}

// unlock is the end of the shim's process.
func (n *node) unlock() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, unlock := range n.locks {
		unlock()
	}
}

// keepLedgers returns what takes back every change to the ledgers: the goroutines of a shim that is said to be dead still run.
func (n *node) keepLedgers() func() {
	files := map[string][]byte{}
	paths, err := ledger.All(n.ledgers())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) { // given up at this moment
			continue
		}
		if err != nil {
			n.t.Fatal(err)
		}
		files[p] = b
	}
	return func() {
		now, err := ledger.All(n.ledgers())
		if err != nil {
			n.t.Fatal(err)
		}
		for _, p := range now {
			if files[p] == nil {
				_ = os.Remove(p)
			}
		}
		for p, b := range files {
			if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, b, 0o600)); err != nil {
				n.t.Fatal(err)
			}
		}
	}
}

// close ends the shim and the simulator and returns what is still held there.
func (n *node) close() []string {
	if !n.crashed {
		if _, err := n.task.Shutdown(n.t.Context(), &taskapi.ShutdownRequest{ID: shimID, Now: true}); err != nil {
			n.t.Errorf("shutdown: %v", err)
		}
	}
	_ = n.client.Close()
	if err := <-n.served; err != nil {
		n.t.Errorf("serve: %v", err)
	}
	time.Sleep(5 * time.Minute) // calls that were given up are still bounded
	held := n.svc.Held()
	n.svc.Close()
	return held
}

func (n *node) hear(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deaf = !yes
}

// Forward receives events.
func (n *node) Forward(_ context.Context, r *eventsapi.ForwardRequest) (*emptypb.Empty, error) {
	v, err := typeurl.UnmarshalAny(r.Envelope.Event)
	if err != nil {
		return nil, err
	}
	s := r.Envelope.Topic
	switch e := v.(type) {
	case *events.TaskCreate:
		s += " " + e.ContainerID
	case *events.TaskStart:
		s += " " + e.ContainerID
	case *events.TaskExecAdded:
		s += " " + e.ExecID
	case *events.TaskExecStarted:
		s += " " + e.ExecID
	case *events.TaskExit:
		s += fmt.Sprintf(" %s %d", e.ID, e.ExitStatus)
	case *events.TaskOOM:
		s += " " + e.ContainerID
	case *events.TaskDelete:
		s += fmt.Sprintf(" %s%s %d", e.ContainerID, prefixed("/", e.ID), e.ExitStatus)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.deaf {
		n.events = append(n.events, s)
	}
	return &emptypb.Empty{}, nil
}

func prefixed(p, s string) string {
	if s == "" {
		return ""
	}
	return p + s
}

func (n *node) serveEvents() {
	l, err := n.machine.Host.ListenPipe(eventsPipe)
	if err != nil {
		n.t.Fatal(err)
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		n.t.Fatal(err)
	}
	eventsapi.RegisterTTRPCEventsService(server, n)
	go func() { _ = server.Serve(context.Background(), guarded{l}) }()
	n.t.Cleanup(func() { _ = server.Close() })
}

// guarded keeps the harness's own server from growing, too.
type guarded struct{ net.Listener }

func (g guarded) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardedConn{Conn: conn}, nil
}

func (n *node) seen() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

// output serves a pipe and collects what comes.
func (n *node) output(name string) string {
	path := `\\.\pipe\` + name
	if old := n.outs[path]; old != nil { // nobody came
		_ = old.listener.Close()
	}
	l, err := n.machine.Host.ListenPipe(path)
	if err != nil {
		n.t.Fatal(err)
	}
	s := &stream{listener: l, done: make(chan struct{})}
	n.outs[path] = s
	go func() {
		defer close(s.done)
		defer l.Close()
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		s.data, _ = io.ReadAll(conn)
	}()
	return path
}

// input serves a pipe for standard input; the function sends and, with nil, ends it.
func (n *node) input(name string) (string, func([]byte)) {
	path := `\\.\pipe\` + name
	l, err := n.machine.Host.ListenPipe(path)
	if err != nil {
		n.t.Fatal(err)
	}
	conns := make(chan net.Conn, 1)
	go func() {
		defer l.Close()
		if conn, err := l.Accept(); err == nil {
			conns <- conn
		}
	}()
	var conn net.Conn
	return path, func(b []byte) {
		if conn == nil {
			conn = <-conns
		}
		if b == nil {
			_ = conn.Close()
			return
		}
		if _, err := conn.Write(b); err != nil {
			n.t.Errorf("input: %v", err)
		}
	}
}

// text waits for the end of an output and returns it.
func (n *node) text(path string) string {
	s := n.outs[path]
	select {
	case <-s.done:
		return string(s.data)
	case <-time.After(10 * time.Minute):
		return "(never ended)"
	}
}

// spec of a container that runs a script.
func spec(script string, change ...func(*specs.Spec)) *specs.Spec {
	s := &specs.Spec{
		Version:  specs.Version,
		Hostname: "web",
		Process:  &specs.Process{CommandLine: script, Cwd: `C:\`},
		Windows:  &specs.Windows{Network: &specs.WindowsNetwork{AllowUnqualifiedDNSQuery: true}},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func (n *node) bundle(s *specs.Spec) string {
	dir, err := os.MkdirTemp(n.dir, "bundle")
	if err != nil {
		n.t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), b, 0o600); err != nil {
		n.t.Fatal(err)
	}
	n.bundles[n.id] = dir
	return dir
}

// scratch is the container's own.
func (n *node) scratch() string {
	if n.id == shimID {
		return scratchDir
	}
	dir := `C:\snapshots\` + n.id
	n.svc.Store().(*sim.Memory).AddScratch(dir)
	return dir
}

// request is a create request with an output pipe named after the id.
func (n *node) request(s *specs.Spec) *taskapi.CreateTaskRequest {
	r := n.bare(s)
	r.Stdout = n.output(n.id + "-stdout")
	return r
}

// bare is a request without streams.
func (n *node) bare(s *specs.Spec) *taskapi.CreateTaskRequest {
	return &taskapi.CreateTaskRequest{
		ID: n.id, Bundle: n.bundle(s),
		Rootfs: []*types.Mount{{Type: "windows-layer", Source: n.scratch(), Options: []string{"rw", `parentLayerPaths=["C:\\snapshots\\2","C:\\snapshots\\1"]`}}},
	}
}

func (n *node) create(s *specs.Spec) *taskapi.CreateTaskRequest {
	n.t.Helper()
	r := n.request(s)
	if _, err := n.task.Create(n.t.Context(), r); err != nil {
		n.t.Fatalf("create: %v", err)
	}
	return r
}

func (n *node) start(exec string) uint32 {
	n.t.Helper()
	r, err := n.task.Start(n.t.Context(), &taskapi.StartRequest{ID: n.id, ExecID: exec})
	if err != nil {
		n.t.Fatalf("start %q: %v", exec, err)
	}
	return r.Pid
}

func (n *node) exec(id, script string, change ...func(*taskapi.ExecProcessRequest)) error {
	return n.execSpec(id, &specs.Process{CommandLine: script, Cwd: `C:\`}, change...)
}

func (n *node) execSpec(id string, p *specs.Process, change ...func(*taskapi.ExecProcessRequest)) error {
	b, err := json.Marshal(p)
	if err != nil {
		n.t.Fatal(err)
	}
	r := &taskapi.ExecProcessRequest{ID: n.id, ExecID: id, Spec: &anypb.Any{Value: b}}
	for _, f := range change {
		f(r)
	}
	_, err = n.task.Exec(n.t.Context(), r)
	return err
}

func (n *node) wait(exec string) *taskapi.WaitResponse {
	n.t.Helper()
	r, err := n.task.Wait(n.t.Context(), &taskapi.WaitRequest{ID: n.id, ExecID: exec})
	if err != nil {
		n.t.Fatalf("wait %q: %v", exec, err)
	}
	return r
}

func (n *node) kill(exec string, signal uint32) error {
	_, err := n.task.Kill(n.t.Context(), &taskapi.KillRequest{ID: n.id, ExecID: exec, Signal: signal})
	return err
}

func (n *node) delete(exec string) (*taskapi.DeleteResponse, error) {
	return n.task.Delete(n.t.Context(), &taskapi.DeleteRequest{ID: n.id, ExecID: exec})
}

// gone checks that nothing is held: not at the simulator, not in the ledger.
func (n *node) gone() {
	n.t.Helper()
	if held := n.close(); len(held) > 0 {
		n.t.Errorf("still held: %v", held)
	}
	if left, _ := filepath.Glob(filepath.Join(n.ledgers(), "*", "*")); len(left) > 0 {
		b, _ := os.ReadFile(left[0])
		n.t.Errorf("still in the ledger: %s", b)
	}
}

func expect(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func decode(t testing.TB, b []byte) *taskapi.DeleteResponse {
	var r taskapi.DeleteResponse
	if err := proto.Unmarshal(b, &r); err != nil {
		t.Errorf("delete response: %v", err)
	}
	return &r
}
