//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// nodeName is the node's. The API server calls a kubelet by the name of its node, and this one leads to 127.0.0.1; a node's addresses may
// not be loopback ones.
const nodeName = "localhost"

// nodeSetting, in the environment of a program, is the hook's mode for the programs of a Kubernetes node: containerd, the kubelet, and
// what they start; and for dockerd.
const nodeSetting = "HCSSIM_NODE=1"

// isNode reports whether kube-up made the instance a Kubernetes node.
func (in *Instance) isNode() bool {
	_, err := os.Stat(in.path("kube"))
	return err == nil
}

// controlPlane are the Linux programs, in the order in which they start.
var controlPlane = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

var kubePorts = listeners{"etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"}

// Each program of a cluster has this long until it answers; on two processors that do other work too it is seconds.
const kubeBound = 2 * time.Minute

// KubeUp makes the instance a Kubernetes cluster with one node, of the programs in the directory, and returns when the node takes pods. What
// runs already goes on, unless it is of other programs.
func (in *Instance) KubeUp(dir string, opt Options) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for _, name := range append([]string{"kubelet.exe"}, controlPlane...) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%w: test/rig/tools/kubernetes/build.sh builds the programs and prints their directory", err)
		}
	}
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	if err := in.stopOthers(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(in.path("kube"), 0o700); err != nil {
		return err
	}
	if err := in.up(opt); err != nil {
		return err
	}
	api, err := in.startControlPlane(dir)
	if err != nil {
		return err
	}
	changed, err := install(filepath.Join(dir, "kubelet.exe"), in.drive("rig", "kubelet.exe"))
	if err != nil {
		return err
	}
	kubelets, err := in.find("kubelet.exe")
	if err != nil {
		return err
	}
	if changed {
		for _, p := range kubelets {
			err = errors.Join(err, p.end(5*time.Second))
		}
		kubelets = nil
	}
	if err == nil && len(kubelets) == 0 {
		err = in.startKubelet()
	}
	if err != nil {
		return err
	}
	if err := podsCanBe(api); err != nil {
		return fmt.Errorf("kube-controller-manager: %w; the end of its log:\n%s", err, in.logTail("kube-controller-manager", 15))
	}
	say("kube-up: node %s takes pods, after %.1f s", nodeName, time.Since(began).Seconds())
	return in.kubeUsage(os.Stdout, dir)
}

// stopOthers stops the instance if what runs cannot stay: a containerd that is not a node's, or a control plane of other programs.
func (in *Instance) stopOthers(dir string) error {
	procs, err := in.started()
	if err != nil {
		return err
	}
	reason := ""
	for _, name := range controlPlane {
		if p := procs[name]; p.alive() {
			if exe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.Pid), "exe")); err != nil || exe != filepath.Join(dir, name) {
				reason = name + " is another one"
			}
		}
	}
	daemons, err := in.find("containerd.exe")
	if err != nil {
		return err
	}
	for _, p := range daemons {
		if !hasEnv(p.Pid, nodeSetting) {
			reason = "containerd is not that of a node"
		}
	}
	if reason == "" {
		return nil
	}
	say("starting all again: %s", reason)
	return in.stop()
}

// startControlPlane starts what does not run of the control plane, each when the one before it answers.
func (in *Instance) startControlPlane(dir string) (*kubeAPI, error) {
	procs, err := in.started()
	if err != nil {
		return nil, err
	}
	runs := false
	for _, name := range controlPlane {
		runs = runs || procs[name].alive()
	}
	ports, err := kubePorts.choose(in.path("kube", "ports.json"), runs)
	if err != nil {
		return nil, err
	}
	if err := in.kubeFiles(ports); err != nil {
		return nil, err
	}
	api, err := newKubeAPI(apiURL(ports), in.path("kube", "pki"))
	if err != nil {
		return nil, err
	}
	answers := map[string]func() error{
		"etcd":           func() error { return etcdReady(ports) },
		"kube-apiserver": api.ready,
	}
	args := in.controlPlaneArgs(ports)
	for _, name := range controlPlane {
		if procs[name].alive() {
			continue
		}
		p, err := in.spawnLinux(filepath.Join(dir, name), args[name]...)
		if err != nil {
			return nil, err
		}
		// The last two have no one who waits for them: what comes after needs what they do, not that they answer.
		if ready := answers[name]; ready != nil {
			if err := in.readyWithin(kubeBound, name, p, ready); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, name := range runtimeHandlers {
		if err := api.create("/apis/node.k8s.io/v1/runtimeclasses", runtimeClass(name)); err != nil {
			return nil, err
		}
	}
	return api, nil
}

func apiURL(ports map[string]int) string {
	return fmt.Sprintf("https://127.0.0.1:%d", ports["kube-apiserver"])
}

// controlPlaneArgs are the arguments of each program. There is one of each, so nobody is elected; and all of it can be lost, so etcd does
// not wait for the disk.
func (in *Instance) controlPlaneArgs(ports map[string]int) map[string][]string {
	pki := func(name string) string { return in.path("kube", "pki", name) }
	url := func(name string) string { return fmt.Sprintf("http://127.0.0.1:%d", ports[name]) }
	controller := func(name string, args ...string) []string {
		config := in.path("kube", name+".kubeconfig")
		return append([]string{
			"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
			"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[name]),
			"--leader-elect=false",
		}, args...)
	}
	return map[string][]string{
		"etcd": {
			"--data-dir=" + in.path("kube", "etcd"),
			"--listen-client-urls=" + url("etcd"), "--advertise-client-urls=" + url("etcd"),
			"--listen-peer-urls=" + url("etcd-peer"), "--initial-advertise-peer-urls=" + url("etcd-peer"),
			"--name=rig", "--initial-cluster=rig=" + url("etcd-peer"),
			"--unsafe-no-fsync", "--log-level=warn",
		},
		"kube-apiserver": {
			"--etcd-servers=" + url("etcd"),
			"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports["kube-apiserver"]),
			// The endpoints of the service "kubernetes" may not be loopback addresses, so it has none.
			"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
			// Nothing carries a service's address to its pods here; a loopback one is refused at once and never leaves this machine.
			"--service-cluster-ip-range=127.32.0.0/16",
			"--tls-cert-file=" + pki("kube-apiserver.crt"), "--tls-private-key-file=" + pki("kube-apiserver.key"),
			"--client-ca-file=" + pki("ca.crt"),
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
			"--kubelet-preferred-address-types=Hostname", "--kubelet-certificate-authority=" + pki("ca.crt"),
			"--kubelet-client-certificate=" + pki("apiserver-kubelet.crt"), "--kubelet-client-key=" + pki("apiserver-kubelet.key"),
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + pki("sa.pub"), "--service-account-signing-key-file=" + pki("sa.key"),
			"--allow-privileged=true",
		},
		"kube-controller-manager": controller("kube-controller-manager",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file="+pki("sa.key"), "--root-ca-file="+pki("ca.crt"),
			// It makes this directory, and its default is one of the system.
			"--flex-volume-plugin-dir="+in.path("kube", "flexvolume")),
		"kube-scheduler": controller("kube-scheduler"),
	}
}

func etcdReady(ports map[string]int) error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health", ports["etcd"]))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("health: %s: %s", resp.Status, b), err)
	}
	return nil
}

// spawnLinux starts a program of this system, with as little of the caller's environment as a Windows program has.
func (in *Instance) spawnLinux(exe string, args ...string) (process, error) {
	name := filepath.Base(exe)
	cmd := exec.Command(exe, args...)
	cmd.Dir = in.path("kube") // the API server leaves files where it is
	cmd.Env = []string{"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH")}
	p, err := spawn(cmd, in.path("log", name+".log"))
	if err != nil {
		return p, err
	}
	return p, in.remember(name, p)
}

// startKubelet returns when the node is Ready by the new kubelet's word and takes pods.
func (in *Instance) startKubelet() error {
	ports, err := kubePorts.kept(in.path("kube", "ports.json"))
	if err != nil {
		return err
	}
	api, err := newKubeAPI(apiURL(ports), in.path("kube", "pki"))
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := in.spawn("kubelet",
		`--config=C:\rig\kube\kubelet.yaml`, `--kubeconfig=C:\rig\kube\kubelet.kubeconfig`,
		`--root-dir=C:\var\lib\kubelet`, `--cert-dir=C:\var\lib\kubelet\pki`,
		"--hostname-override="+nodeName, "--v=2")
	if err != nil {
		return err
	}
	err = in.readyWithin(kubeBound, "kubelet", p, func() error {
		var n node
		if err := api.get("/api/v1/nodes/"+nodeName, &n); err != nil {
			return err
		}
		return n.takesPods(began)
	})
	if err != nil {
		return fmt.Errorf("kubelet: %w", err)
	}
	return nil
}

// podsCanBe waits until the namespace "default" has what the controller manager puts into each: without it pods are refused, or wait for
// a volume.
func podsCanBe(api *kubeAPI) error {
	return poll(kubeBound, func() error {
		for _, path := range []string{"serviceaccounts/default", "configmaps/kube-root-ca.crt"} {
			if err := api.get("/api/v1/namespaces/default/"+path, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

func (in *Instance) kubeUsage(w io.Writer, dir string) error {
	kubectl := filepath.Join(dir, "kubectl")
	_, err := fmt.Fprintf(w, `
A Kubernetes cluster with one Windows node runs in %s:

    export KUBECONFIG=%s
    %s get nodes -o wide

Its runtime classes: %v. Images are loaded by

    RIG=%s %s ctr -n k8s.io images import build/rig/image.tar

`, in.Dir, in.path("kube", "admin.kubeconfig"), kubectl, runtimeHandlers, in.Dir, filepath.Join(in.bin, "rig"))
	return err
}
