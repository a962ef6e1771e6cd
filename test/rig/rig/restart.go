//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Started tells of a program that this rig started last under that name.
type Started struct {
	Name  string `json:"name"`
	Pid   int    `json:"pid"` // the Unix process
	Alive bool   `json:"alive"`
}

// Started lists what up, kube-up and docker-up started, by name; those that have ended since too.
func (in *Instance) Started() ([]Started, error) {
	procs, err := in.started()
	if err != nil {
		return nil, err
	}
	list := []Started{}
	for _, name := range slices.Sorted(maps.Keys(procs)) {
		list = append(list, Started{name, procs[name].Pid, procs[name].alive()})
	}
	return list, nil
}

func (in *Instance) printStarted() error {
	list, err := in.Started()
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err == nil {
		fmt.Println(string(b))
	}
	return err
}

// Restart kills containerd or the kubelet, which has no time to prepare for it, starts it again, and returns when it answers. dockerd is asked to
// end, as a service is: one that is killed leaves its containers' roots mounted, and has no memory of that.
func (in *Instance) Restart(name string) error {
	start := map[string]func() error{"containerd": in.startContainerd, "kubelet": in.startKubelet, "dockerd": in.startDocker}[name]
	if start == nil {
		return fmt.Errorf("restart: %q is not a program that restarts: containerd, kubelet, dockerd", name)
	}
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
	procs, err := in.started()
	if err != nil {
		return err
	}
	// Not everything that runs containerd.exe is the daemon: shims publish with it. Only if someone else started that is it looked for.
	found := []process{procs[name]}
	if !found[0].alive() {
		if found, err = in.find(name + ".exe"); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("restart: no %s runs in %s", name, in.Dir)
	}
	for _, p := range found {
		if name == "dockerd" {
			p.ask(dockerBound)
		}
		err = errors.Join(err, p.end(5*time.Second))
	}
	if err != nil {
		return fmt.Errorf("restart: %s: %w", name, err)
	}
	return start()
}
