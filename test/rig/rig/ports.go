//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// listeners are the names of what listens on 127.0.0.1, each with its port in a file of the instance.
type listeners []string

// The ports are taken from below those that the kernel gives to outgoing connections (32768 and up, ip(7)), one of which could otherwise
// have a port between its choice and its use. Well-known ones are below.
const (
	firstPort = 20000
	lastPort  = 29999
)

// kept reads the ports chosen before; there is an error if there are none.
func (l listeners) kept(path string) (map[string]int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var ports map[string]int
	if err := json.Unmarshal(b, &ports); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range l {
		if p := ports[name]; p < 1 || p > 65535 {
			return nil, fmt.Errorf("%s: no port of %s", path, name)
		}
	}
	return ports, nil
}

// choose returns the ports kept in the file. They are chosen anew if there are none, or if one is in use while nothing runs that could use
// it.
func (l listeners) choose(path string, runs bool) (map[string]int, error) {
	ports, err := l.kept(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if ports != nil && (runs || allFree(ports)) {
		return ports, nil
	}
	ports = map[string]int{}
	taken := map[int]bool{}
	for _, name := range l {
		for try := 0; ports[name] == 0; try++ {
			port := firstPort + rand.IntN(lastPort-firstPort+1)
			if !taken[port] && free(port) {
				ports[name], taken[port] = port, true
			} else if try == 1000 {
				return nil, fmt.Errorf("no free port for %s among 127.0.0.1:%d to %d", name, firstPort, lastPort)
			}
		}
	}
	b, err := json.MarshalIndent(ports, "", "  ")
	if err != nil {
		return nil, err
	}
	return ports, replaceFile(path, append(b, '\n'))
}

func allFree(ports map[string]int) bool {
	for _, p := range ports {
		if !free(p) {
			return false
		}
	}
	return true
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
