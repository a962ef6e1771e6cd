package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/test/rig/wire"
)

// machine asks the simulator what exists. A promise that left no trace there was not kept.
type machine struct {
	file string // holds its address

	mu   sync.Mutex
	conn net.Conn // nil when it has to be made again
	last uint32
}

// answerBound is how long the simulator may take for an answer: it is asked while fifty containers start on two processors.
const answerBound = time.Minute

func dialMachine(file string) (*machine, error) {
	m := &machine{file: file}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m, m.dial()
}

func (m *machine) dial() error {
	b, err := os.ReadFile(m.file)
	if err != nil {
		return fmt.Errorf("address of the simulator: %w", err)
	}
	if m.conn, err = net.DialTimeout("tcp", strings.TrimSpace(string(b)), answerBound); err != nil {
		m.conn = nil
		return fmt.Errorf("connect to the simulator: %w", err)
	}
	_, err = m.exchange("Hello", "conform", strconv.Itoa(os.Getpid()))
	return err
}

func (m *machine) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		m.conn.Close()
	}
}

// ask sends one request and returns the fields of its reply.
func (m *machine) ask(fields ...string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == nil {
		if err := m.dial(); err != nil {
			return nil, err
		}
	}
	return m.exchange(fields...)
}

// exchange is one request and its reply. When it breaks off, the connection is of no more use.
func (m *machine) exchange(fields ...string) ([]string, error) {
	m.last++
	f, err := func() (f wire.Frame, err error) {
		if err = m.conn.SetDeadline(time.Now().Add(answerBound)); err == nil {
			err = wire.Write(m.conn, wire.Frame{ID: m.last, Fields: fields})
		}
		for err == nil && f.ID != m.last { // others are events
			f, err = wire.Read(m.conn)
		}
		return f, err
	}()
	if err != nil {
		m.conn.Close()
		m.conn = nil
		return nil, fmt.Errorf("%s: %w", fields[0], err)
	}
	if f.Code != 0 {
		return nil, fmt.Errorf("%s: %#x %s", fields[0], f.Code, strings.Join(f.Fields, " "))
	}
	return f.Fields, nil
}

// holdings is what the machine holds, each thing by its name.
type holdings struct {
	Systems, Processes, Layers, Namespaces, Endpoints, Mappings []string

	containers map[string]schema.Container // of the systems
	consoles   map[string][][]uint16       // by system: height, width of its processes with a terminal
}

func (m *machine) state() (holdings, error) {
	f, err := m.ask("SimState")
	if err != nil {
		return holdings{}, err
	}
	if len(f) != 1 {
		return holdings{}, fmt.Errorf("SimState: %d fields", len(f))
	}
	return parseState([]byte(f[0]))
}

// settle waits until nothing is held that was not held before, and says what is when that does not come true within d.
func (m *machine) settle(before holdings, d time.Duration) string {
	end := time.Now().Add(d)
	for {
		now, err := m.state()
		if err != nil {
			return fmt.Sprintf("ask the simulator: %v", err)
		}
		extra := now.minus(before)
		if extra == "" {
			return ""
		}
		if time.Now().After(end) {
			return "left behind: " + extra
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// minus lists what h holds and o does not, or returns "".
func (h holdings) minus(o holdings) string {
	var all []string
	for _, k := range []struct {
		kind     string
		now, old []string
	}{
		{"system", h.Systems, o.Systems}, {"process", h.Processes, o.Processes},
		{"layer", h.Layers, o.Layers}, {"namespace", h.Namespaces, o.Namespaces},
		{"endpoint", h.Endpoints, o.Endpoints}, {"mapping", h.Mappings, o.Mappings},
	} {
		had := map[string]bool{}
		for _, s := range k.old {
			had[s] = true
		}
		for _, s := range k.now {
			if !had[s] {
				all = append(all, k.kind+" "+s)
			}
		}
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// parseState reads the answer to SimState. A kind that it does not tell of is an error: what is not told would be taken for gone.
func parseState(b []byte) (holdings, error) {
	type object struct {
		ID string `json:"id"`
		By string `json:"by"` // empty: no client made it, it was there
	}
	var doc struct {
		Systems []struct {
			ID        string           `json:"id"`
			State     string           `json:"state"`
			Container schema.Container `json:"container"`
		} `json:"systems"`
		Processes []struct {
			System    string   `json:"system"`
			Console   []uint16 `json:"console"`
			ProcessID uint32   `json:"ProcessId"`
			ImageName string   `json:"ImageName"`
		} `json:"processes"`
		Layers []struct {
			Path string `json:"path"`
		} `json:"layers"`
		Namespaces []object `json:"namespaces"`
		Endpoints  []object `json:"endpoints"`
		Mappings   []string `json:"mappings"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return holdings{}, fmt.Errorf("SimState: %w", err)
	}
	if doc.Systems == nil || doc.Processes == nil || doc.Layers == nil || doc.Namespaces == nil || doc.Endpoints == nil || doc.Mappings == nil {
		return holdings{}, fmt.Errorf("SimState does not tell of every kind: %s", b)
	}
	h := holdings{Mappings: doc.Mappings, containers: map[string]schema.Container{}, consoles: map[string][][]uint16{}}
	for _, s := range doc.Systems {
		h.Systems = append(h.Systems, s.ID)
		h.containers[s.ID] = s.Container
	}
	for _, p := range doc.Processes {
		if len(p.Console) == 2 {
			h.consoles[p.System] = append(h.consoles[p.System], p.Console)
		}
		h.Processes = append(h.Processes, fmt.Sprintf("%d %s of %s", p.ProcessID, p.ImageName, p.System))
	}
	for _, l := range doc.Layers {
		h.Layers = append(h.Layers, l.Path)
	}
	for dst, list := range map[*[]string][]object{&h.Namespaces: doc.Namespaces, &h.Endpoints: doc.Endpoints} {
		for _, o := range list {
			if o.By != "" {
				*dst = append(*dst, o.ID)
			}
		}
	}
	return h, nil
}
