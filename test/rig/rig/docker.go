//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

var dockerPorts = listeners{"dockerd"}

const dockerd = "dockerd.exe"

// dockerBound is for the end of an engine, which stops its containers first.
const dockerBound = time.Minute

// DockerUp is up with a Docker engine on the instance's containerd. What runs already goes on, unless it is another dockerd.
func (in *Instance) DockerUp(exe string, opt Options) error {
	if filepath.Base(exe) != dockerd {
		return fmt.Errorf("docker-up: %s is no %s; `make docker-up` builds one", exe, dockerd)
	}
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	if err := in.up(opt); err != nil {
		return err
	}
	changed, err := install(exe, in.drive("rig", dockerd))
	if err != nil {
		return err
	}
	running, err := in.find(dockerd)
	if err != nil {
		return err
	}
	if changed {
		for _, p := range running {
			err = errors.Join(err, p.end(5*time.Second))
		}
		running = nil
	}
	ports, perr := dockerPorts.choose(in.dockerPorts(), len(running) > 0)
	if err = errors.Join(err, perr); err != nil {
		return err
	}
	if len(running) == 0 {
		if err := in.startDocker(); err != nil {
			return err
		}
	}
	say("docker-up: the engine answers, after %.1f s", time.Since(began).Seconds())
	_, err = fmt.Printf(`
A Docker engine for Windows containers runs in %s:

    export DOCKER_HOST=%s

`, in.Dir, dockerHost(ports))
	return err
}

func (in *Instance) dockerPorts() string { return in.path("docker.json") }

func dockerHost(ports map[string]int) string {
	return fmt.Sprintf("tcp://127.0.0.1:%d", ports["dockerd"])
}

// startDocker returns when the engine answers. The options are those of a machine with containerd as its image store and our shim as its
// runtime; client editions of Windows would make Hyper-V containers by default. TLS is off in so many words: without them the daemon waits,
// for its user to read a warning.
func (in *Instance) startDocker() error {
	ports, err := dockerPorts.kept(in.dockerPorts())
	if err != nil {
		return err
	}
	if err := in.forgetPid(); err != nil {
		return err
	}
	p, err := in.spawn("dockerd",
		"--host="+dockerHost(ports), "--tls=false", `--data-root=C:\ProgramData\docker`, `--pidfile=C:\rig\dockerd.pid`,
		`--containerd=\\.\pipe\containerd-containerd`, "--default-runtime=io.containerd.hcs.v1",
		"--feature=containerd-snapshotter=true", "--exec-opt=isolation=process", "--log-level=debug")
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	err = in.ready("dockerd", p, func() error {
		resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/_ping", ports["dockerd"]))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return errors.Join(fmt.Errorf("_ping: %s: %s", resp.Status, b), err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("dockerd: %w", err)
	}
	return nil
}

// forgetPid removes the file of a dockerd that was killed: the next one would take the number, which another program may have, for itself.
func (in *Instance) forgetPid() error {
	if err := os.Remove(in.drive("rig", "dockerd.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
