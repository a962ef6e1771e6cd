//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/rig"
	"containerd-shim-hcs/test/conform/script"
)

type options struct {
	runtime, images string
	rig, command    string // directory of the rig, and the program that asks it
	docker          string
}

// Env is what the cases share.
type Env struct {
	o        options
	host     string // of the engine, as DOCKER_HOST has it
	engine   *client.Client
	machine  *rig.Machine
	rig      rig.Rig
	registry *registry
	before   node.Holdings // at the start of the run
	runID    string        // part of every name, so that two runs never meet
}

// T is one running case.
type T struct {
	*script.Test
	*Env
}

func newEnv(ctx context.Context, o options) (*Env, error) {
	e := &Env{o: o, rig: rig.Rig{Command: o.command, Dir: o.rig}, runID: strconv.FormatInt(time.Now().UnixMilli()&0xffffffff, 36)}
	file := filepath.Join(o.rig, "docker.json")
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w (`rig docker-up` makes it)", err)
	}
	var ports struct{ Dockerd int }
	if err := json.Unmarshal(b, &ports); err != nil || ports.Dockerd == 0 {
		return nil, fmt.Errorf("%s: no port of dockerd: %w", file, err)
	}
	e.host = fmt.Sprintf("tcp://127.0.0.1:%d", ports.Dockerd)
	if e.engine, err = client.New(client.WithHost(e.host)); err != nil {
		return nil, err
	}
	if _, err := e.engine.ServerVersion(ctx, client.ServerVersionOptions{}); err != nil {
		return nil, err
	}
	if e.machine, err = rig.NewMachine(o.rig); err != nil {
		return nil, err
	}
	if e.registry, err = serveImages(ctx, o.images); err != nil {
		return nil, err
	}
	for _, name := range []string{winapp, winapp2} {
		if err := e.pull(ctx, name); err != nil {
			return nil, err
		}
	}
	e.before, err = e.machine.State()
	return e, err
}

func (e *Env) close() {
	e.registry.close()
	e.machine.Close()
	_ = e.engine.Close()
}

// image is the whole name of one that the registry serves.
func (e *Env) image(name string) string { return e.registry.address + "/" + name }

func (e *Env) pull(ctx context.Context, name string) error {
	progress, err := e.engine.ImagePull(ctx, e.image(name), client.ImagePullOptions{})
	if err == nil {
		err = progress.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("pull %s: %w", name, err)
	}
	return nil
}

// holdings is what the machine holds now.
func (t *T) holdings() node.Holdings {
	h, err := t.machine.State()
	t.Must(err, "ask the simulator")
	return h
}
