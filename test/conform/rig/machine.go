//go:build linux

// Package rig is the Linux side of a rig: the simulator under it, its command, and the Windows programs that run in it.
package rig

import (
	"path/filepath"
	"slices"
	"time"

	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/test/conform/node"
)

// Machine is the rig's simulator, with the files in which our shim writes down what its containers hold.
type Machine struct {
	*node.Machine
	ledgers string
}

// Between is the machine as a case must leave it. A sandbox of the sandbox API has its shim, and that its ledger, until the kubelet
// removes it, which it does once a minute: that none stays is asked once, at the end. Until then no ledger may have anything in it
// that is held.
type Between struct{ *Machine }

// State is what the machine holds now.
func (m Between) State() (node.Holdings, error) {
	h, err := m.Machine.State()
	if err == nil {
		h.Ledgers, err = holding(m.ledgers)
	}
	return h, err
}

// holding lists the ledgers of a directory by which a container holds something.
func holding(dir string) (names []string, err error) {
	files, err := ledger.All(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		l, err := ledger.OpenPath(f)
		if err != nil {
			return nil, err
		}
		if len(l.Held()) > 0 {
			names = append(names, filepath.Base(f))
		}
	}
	return names, nil
}

// Settle is that of a Machine.
func (m Between) Settle(before node.Holdings, d time.Duration) string {
	return settle(m.State, before, d)
}

// NewMachine connects to the simulator of the rig in a directory.
func NewMachine(dir string) (*Machine, error) {
	drive := filepath.Join(dir, "prefix", "drive_c")
	m, err := node.Dial(filepath.Join(drive, "hcssim", "address"))
	if err != nil {
		return nil, err
	}
	return &Machine{Machine: m, ledgers: filepath.Join(drive, "ProgramData", "containerd-shim-hcs", "ledger")}, nil
}

// State is what the machine holds now, ledgers too.
func (m *Machine) State() (node.Holdings, error) {
	h, err := m.Machine.State()
	if err != nil {
		return h, err
	}
	files, err := filepath.Glob(filepath.Join(m.ledgers, "*", "*"))
	for _, f := range files {
		h.Ledgers = append(h.Ledgers, filepath.Base(f))
	}
	slices.Sort(h.Ledgers)
	return h, err
}

// Settle waits until nothing is held that was not held before, and says what is when that does not come true within d.
func (m *Machine) Settle(before node.Holdings, d time.Duration) string {
	return settle(m.State, before, d)
}

func settle(state func() (node.Holdings, error), before node.Holdings, d time.Duration) string {
	end := time.Now().Add(d)
	for {
		now, err := state()
		if err != nil {
			return "ask the simulator: " + err.Error()
		}
		extra := now.Minus(before)
		if extra == "" {
			return ""
		}
		if time.Now().After(end) {
			return "left behind: " + extra
		}
		time.Sleep(100 * time.Millisecond)
	}
}
