//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"containerd-shim-hcs/test/rig/wire"
)

// Sim asks the instance's simulator over a connection of its own.
func (in *Instance) Sim(name string, args ...string) ([]string, error) {
	address, err := os.ReadFile(in.drive("hcssim", "address"))
	if err != nil {
		return nil, fmt.Errorf("simulator: %w (is the rig up?)", err)
	}
	conn, err := net.DialTimeout("tcp", strings.TrimSpace(string(address)), 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w (is the rig up?)", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := call(conn, 1, "Hello", "rig", strconv.Itoa(os.Getpid())); err != nil {
		return nil, err
	}
	return call(conn, 2, name, args...)
}

func call(conn net.Conn, id uint32, name string, args ...string) ([]string, error) {
	if err := wire.Write(conn, wire.Frame{ID: id, Fields: append([]string{name}, args...)}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for {
		f, err := wire.Read(conn)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if f.ID != id {
			continue // an event
		}
		if f.Code != 0 {
			return nil, fmt.Errorf("%s: 0x%08x %s", name, f.Code, strings.Join(f.Fields, " "))
		}
		return f.Fields, nil
	}
}

// State is the simulator's, indented.
func (in *Instance) State() (string, error) {
	f, err := in.Sim("SimState")
	if err != nil {
		return "", err
	}
	if len(f) != 1 {
		return "", fmt.Errorf("SimState: %d fields", len(f))
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(f[0]), "", "  "); err != nil {
		return "", fmt.Errorf("SimState: %w", err)
	}
	return out.String(), nil
}

// Left names what the simulator still has besides the clients that are connected to it: nothing, once every container is removed.
func (in *Instance) Left() error {
	s, err := in.State()
	if err != nil {
		return err
	}
	state := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(s), &state); err != nil {
		return err
	}
	var errs []error
	for _, kind := range []string{"systems", "processes", "layers", "namespaces", "endpoints"} {
		var things []any
		raw, ok := state[kind]
		if !ok {
			errs = append(errs, fmt.Errorf("the simulator's state does not tell of %s", kind))
			continue
		}
		if err := json.Unmarshal(raw, &things); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind, err))
		} else if len(things) > 0 {
			errs = append(errs, fmt.Errorf("%d %s left: %s", len(things), kind, raw))
		}
	}
	return errors.Join(errs...)
}
