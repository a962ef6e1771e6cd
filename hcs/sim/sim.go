// Package sim is a model of the Windows Host Compute Service: compute systems, their processes, layers, networks and service
// settings, which exist or do not, have states, and refuse what HCS refuses with HCS's codes. It is portable and does no I/O of its
// own: a Launcher runs the processes and a Store holds the layers. The defaults, Scripts and Memory, do that in process and work in
// a testing/synctest bubble; the rig puts real Windows processes and directories behind the same model.
//
// A Service is the service; a Client is one process that talks to it and owns handles. Documents are JSON text, as on the wire, and
// decoded strictly. Machine makes a Client look like package hcs.
//
// A rule names its source: "§3" is section 3 of the project's notes on the HCS API (hcs-api), "assumed" means that no source proves it.
//
// One mutex guards the whole model. It is never held across a call of Launcher or Store or across a wait; callbacks of the watch
// methods run under it and must neither block nor call back.
package sim

import (
	"net/netip"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
)

// Config is what a Service is made of.
type Config struct {
	Facts    hcs.Facts // zero fields get values of a small Windows Server 2022
	Launcher Launcher  // nil: NewScripts()
	Store    Store     // nil: NewMemory()
	// ServerCore makes a signal return only when the process is gone, as containers of the servercore image do (§4).
	ServerCore bool
	Busy       Busy
	Forwarder  Forwarder // nil: ports are booked, and nothing comes through them
	// NAT is where HNS takes the subnet of a NAT network from that is made without one, a /24 for each. The zero value: 172.16.0.0/12.
	NAT netip.Prefix
}

// Service is one Host Compute Service with its host.
type Service struct {
	facts      hcs.Facts
	launcher   Launcher
	store      Store
	serverCore bool
	programs   map[string]Behaviour // by programKey; guarded by mu
	busy       Busy
	forwarder  Forwarder
	nat        netip.Prefix
	journal    journal
	pipes      pipeNames
	since      time.Time

	mu       sync.Mutex
	closed   bool
	clients  map[*Client]struct{}
	systems  map[string]*system
	layers   map[string]*layer        // by pathKey
	turns    map[string]chan struct{} // by pathKey: the calls under way on layers; closed at their ends
	objects  map[objectKey]*object
	groups   map[string]*cpuGroup
	guards   map[string]*guard
	making   int                // calls under way that Busy is about
	serial   uint32             // makes ids; deterministic
	mappings map[string]Mapping // by pathKey of the root

	work sync.WaitGroup // every goroutine of the service
}

// New starts a service.
func New(cfg Config) *Service {
	f := &cfg.Facts
	if f.Build == 0 {
		f.Build, f.Revision = 20348, 2700
	}
	if f.Processors == 0 {
		f.Processors = 2
	}
	if f.Groups == nil { // filled one after the other
		for left := f.Processors; left > 0; left -= groupSize {
			f.Groups = append(f.Groups, min(left, groupSize))
		}
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 8192
	}
	if f.Owner == "" {
		f.Owner = "containerd-shim-hcs-v1.exe"
	}
	if cfg.Launcher == nil {
		cfg.Launcher = NewScripts()
	}
	if cfg.Store == nil {
		cfg.Store = NewMemory()
	}
	if cfg.Forwarder == nil {
		cfg.Forwarder = bookings{}
	}
	if !cfg.NAT.IsValid() {
		cfg.NAT = netip.MustParsePrefix("172.16.0.0/12")
	}
	s := &Service{
		facts: cfg.Facts, launcher: cfg.Launcher, store: cfg.Store, serverCore: cfg.ServerCore, busy: cfg.Busy, forwarder: cfg.Forwarder,
		nat: cfg.NAT, since: time.Now(),
	}
	s.journal.since = s.since
	s.reset()
	return s
}

// reset empties the model. Layers stay attached and networks stay: the kernel and HNS hold those, not HCS.
func (s *Service) reset() {
	s.systems = map[string]*system{}
	if s.clients == nil {
		s.clients = map[*Client]struct{}{}
		s.layers = map[string]*layer{}
		s.turns = map[string]chan struct{}{}
		s.objects = map[objectKey]*object{}
		s.groups = map[string]*cpuGroup{}
		s.mappings = map[string]Mapping{}
	}
	s.guards = map[string]*guard{}
}

// Store is where the layers are: for tests that add directories.
func (s *Service) Store() Store { return s.store }

// Close ends the service: every system, every client. It returns when all its goroutines have ended.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	clients := s.clientList()
	for _, sys := range s.systems {
		s.end(sys, exitForced)
	}
	for _, e := range s.list(Endpoint) {
		e.unpublish()
	}
	s.mu.Unlock()
	for _, c := range clients {
		c.Close()
	}
	s.pipes.close()
	s.work.Wait()
}

// Restart ends all systems and all handles, as a restart of the service does; it tells every client that the service was lost.
// Clients stay connected and may make new handles.
func (s *Service) Restart() {
	s.mu.Lock()
	ending := make([]*system, 0, len(s.systems))
	for _, sys := range s.systems {
		ending = append(ending, sys)
	}
	for c := range s.clients {
		c.lose()
	}
	for _, sys := range ending {
		s.end(sys, exitForced)
	}
	s.reset()
	s.mu.Unlock()
	for _, sys := range ending {
		<-sys.gone
	}
}

// spawn runs f as a goroutine of the service. The caller holds mu; it reports false when the service is closed.
func (s *Service) spawn(f func()) bool {
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

func (s *Service) clientList() []*Client {
	list := make([]*Client, 0, len(s.clients))
	for c := range s.clients {
		list = append(list, c)
	}
	return list
}
