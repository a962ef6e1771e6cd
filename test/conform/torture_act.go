package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"containerd-shim-hcs/test/conform/node"
)

// rage does the round's wrongs, each when its time has come, and then lets every call pass again.
func (x *torture) rage(acts []act) {
	began := time.Now()
	slices.SortFunc(acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
	for _, a := range acts {
		time.Sleep(time.Until(began.Add(a.at)))
		done, err := true, error(nil)
		switch a.kind {
		case killShim:
			done, err = x.killShim(a.n)
		case killDaemon:
			x.killDaemon(a.away)
		case addFault:
			_, err = x.t.machine.AskAgain("SimFault", a.rule)
		case restartHCS:
			_, err = x.t.machine.AskAgain("SimRestart")
		}
		x.t.Must(err, "%s", a.kind)
		if done {
			x.did[a.kind]++
		}
	}
	time.Sleep(time.Until(began.Add(rageTime + 2*time.Second)))
	_, err := x.t.machine.AskAgain("SimFault", "")
	x.t.Must(err, "clear the rules")
}

// killShim ends one of the shim's processes: one that serves, or one that runs a command for containerd.
func (x *torture) killShim(n int) (bool, error) {
	shims, err := node.ProgramsNamed(node.ShimExe(x.t.o.runtime))
	shims = slices.DeleteFunc(shims, func(p node.Program) bool { return !p.Begun() })
	if err != nil || len(shims) == 0 {
		return false, err
	}
	p := shims[n%len(shims)]
	line, err := p.CommandLine()
	for try := 0; err != nil; try++ { // of one that is about to begin or to end it cannot be read
		now, nerr := node.ProgramsNamed(p.Exe)
		if nerr == nil && !slices.ContainsFunc(now, func(q node.Program) bool { return q.PID == p.PID }) {
			return false, nil
		}
		if try == 50 {
			return false, err
		}
		time.Sleep(100 * time.Millisecond)
		line, err = p.CommandLine()
	}
	for _, id := range x.slots {
		if strings.Contains(line, id) {
			x.mu.Lock()
			x.killed[id] = true
			x.cut[id] = x.cut[id] || strings.HasSuffix(line, " delete")
			x.mu.Unlock()
			return true, p.Kill()
		}
	}
	return false, fmt.Errorf("whose shim is this: %s", line)
}

// killDaemon kills containerd and starts it again.
func (x *torture) killDaemon(away time.Duration) {
	o := outage{from: time.Now()}
	x.mu.Lock()
	x.up = make(chan struct{})
	x.mu.Unlock()
	x.t.Must(x.t.daemon.Kill(), "kill containerd")
	time.Sleep(away)
	x.t.comeBack(x.ev)
	o.to = time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.client = x.t.client
	x.outages = append(x.outages, o)
	close(x.up)
}

// stacksOf is what a shim of ours with that command line is doing, or why it does not say.
func stacksOf(namespace, line string) string {
	fields := strings.Fields(line)
	i := slices.Index(fields, "-id")
	if i < 0 || i+1 == len(fields) {
		return "stacks: whose shim is this?"
	}
	ctx, cancel := context.WithTimeout(context.Background(), callBound)
	defer cancel()
	out, err := exec.CommandContext(ctx, fields[0], "-namespace", namespace, "-id", fields[i+1], "stacks").CombinedOutput()
	return fmt.Sprintf("stacks: %v\n%s", err, out)
}
