package node

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Microsoft/go-winio/pkg/guid"

	"containerd-shim-hcs/test/rig/wire"
)

// Machine asks the simulator what exists. A promise that left no trace there was not kept.
type Machine struct {
	file string // holds its address

	mu   sync.Mutex
	conn net.Conn // nil when it has to be made again
	last uint32

	handles int // how many were used
}

// answerBound is how long the simulator may take for an answer: it is asked while fifty containers start on two processors.
const answerBound = time.Minute

// Dial connects to the simulator whose address is in that file.
func Dial(file string) (*Machine, error) {
	m := &Machine{file: file}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m, m.dial()
}

func (m *Machine) dial() error {
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

// Close ends the connection.
func (m *Machine) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		m.conn.Close()
	}
}

// Ask sends one request and returns the fields of its reply.
func (m *Machine) Ask(fields ...string) ([]string, error) {
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
func (m *Machine) exchange(fields ...string) ([]string, error) {
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

// AskAgain asks once more when the connection was broken, as a restart of the service leaves it. The request may then be served twice.
func (m *Machine) AskAgain(fields ...string) ([]string, error) {
	f, err := m.Ask(fields...)
	m.mu.Lock()
	broken := m.conn == nil
	m.mu.Unlock()
	if err != nil && broken {
		return m.Ask(fields...)
	}
	return f, err
}

// AddEndpoint makes an endpoint in the machine's network, as its HNS does for a client, and returns the id.
func (m *Machine) AddEndpoint(name string) (string, error) {
	f, err := m.Ask("HcnEnumerateNetworks", "")
	if err != nil {
		return "", err
	}
	var ids []string
	if err := json.Unmarshal([]byte(f[0]), &ids); err != nil || len(ids) == 0 {
		return "", fmt.Errorf("networks of the machine: %v, %w", f, err)
	}
	g, err := guid.NewV4()
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	m.handles += 2 // the client chooses, and never twice the same
	network, endpoint := strconv.Itoa(m.handles-1), strconv.Itoa(m.handles)
	m.mu.Unlock()
	id := strings.ToUpper(g.String())
	for _, call := range [][]string{
		{"HcnOpenNetwork", network, ids[0]},
		{"HcnCreateEndpoint", endpoint, network, id, `{"Name":"` + name + `"}`},
		{"HcnCloseEndpoint", endpoint},
		{"HcnCloseNetwork", network},
	} {
		if _, err := m.Ask(call...); err != nil {
			return "", err
		}
	}
	return id, nil
}

// DeleteEndpoint removes what AddEndpoint made.
func (m *Machine) DeleteEndpoint(id string) error {
	_, err := m.Ask("HcnDeleteEndpoint", id)
	return err
}

// State is what it holds now.
func (m *Machine) State() (Holdings, error) {
	f, err := m.AskAgain("SimState")
	if err != nil {
		return Holdings{}, err
	}
	if len(f) != 1 {
		return Holdings{}, fmt.Errorf("SimState: %d fields", len(f))
	}
	return parseState([]byte(f[0]))
}

// Settle waits until nothing is held that was not held before, and says what is when that does not come true within d.
func (m *Machine) Settle(before Holdings, d time.Duration) string {
	end := time.Now().Add(d)
	for {
		now, err := m.State()
		if err != nil {
			return fmt.Sprintf("ask the simulator: %v", err)
		}
		extra := now.Minus(before)
		if extra == "" {
			return ""
		}
		if time.Now().After(end) {
			return "left behind: " + extra
		}
		time.Sleep(50 * time.Millisecond)
	}
}
