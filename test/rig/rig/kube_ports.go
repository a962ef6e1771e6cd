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

// listeners are the names in ports.json: what listens on 127.0.0.1.
var listeners = []string{"etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"}

// The ports are taken from below those that the kernel gives to outgoing connections (32768 and up, ip(7)), one of which could otherwise
// have a port between its choice and its use. Well-known ones are below.
const (
	firstPort = 20000
	lastPort  = 29999
)

// keptPorts reads the ports chosen before; there is an error if there are none.
func keptPorts(path string) (map[string]int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var ports map[string]int
	if err := json.Unmarshal(b, &ports); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range listeners {
		if p := ports[name]; p < 1 || p > 65535 {
			return nil, fmt.Errorf("%s: no port of %s", path, name)
		}
	}
	return ports, nil
}

// choosePorts returns the ports kept in the file. They are chosen anew if there are none, or if one is in use while nothing of the cluster
// runs that could use it.
func choosePorts(path string, clusterRuns bool) (map[string]int, error) {
	ports, err := keptPorts(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if ports != nil && (clusterRuns || allFree(ports)) {
		return ports, nil
	}
	ports = map[string]int{}
	taken := map[int]bool{}
	for _, name := range listeners {
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
