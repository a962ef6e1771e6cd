//go:build linux

package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// kubeletConfig is the kubelet's configuration, with its port to fill in. Windows has no cgroups to put pods in, and DNS comes from no file.
// The certificates are the cluster's, and who may ask the kubelet is the API server's decision, as on a node that kubeadm made.
//
// The disk of this machine is not the node's: a full one must evict no pod and remove no image. "0%" is never reached, and a high threshold
// of 100 turns image collection off (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/).
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: %d
readOnlyPort: 0
healthzPort: 0
tlsCertFile: 'C:\rig\kube\kubelet-server.crt'
tlsPrivateKeyFile: 'C:\rig\kube\kubelet-server.key'
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: 'C:\rig\kube\ca.crt'
authorization:
  mode: Webhook
containerRuntimeEndpoint: 'npipe://./pipe/containerd-containerd'
cgroupsPerQOS: false
enforceNodeAllocatable: []
resolvConf: ""
failSwapOn: false
evictionHard:
  memory.available: 0%%
  nodefs.available: 0%%
  imagefs.available: 0%%
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
`

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: rig
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: rig
  context:
    cluster: rig
    user: %[3]s
current-context: rig
`

// kubeconfigOf is the kubeconfig of one of the identities, whole in one file.
func kubeconfigOf(name, url, pki string) ([]byte, error) {
	var data [3]string
	for i, file := range []string{"ca.crt", name + ".crt", name + ".key"} {
		b, err := os.ReadFile(filepath.Join(pki, file))
		if err != nil {
			return nil, err
		}
		data[i] = base64.StdEncoding.EncodeToString(b)
	}
	return fmt.Appendf(nil, kubeconfig, url, data[0], name, data[1], data[2]), nil
}

// kubeFiles writes what the cluster's programs read: the kubeconfigs, and the kubelet's own files on drive C.
func (in *Instance) kubeFiles(ports map[string]int) error {
	pki := in.path("kube", "pki")
	if err := makePKI(pki); err != nil {
		return err
	}
	files := map[string][]byte{in.drive("rig", "kube", "kubelet.yaml"): fmt.Appendf(nil, kubeletConfig, ports["kubelet"])}
	for name, path := range map[string]string{
		"admin":                   in.path("kube", "admin.kubeconfig"),
		"kube-controller-manager": in.path("kube", "kube-controller-manager.kubeconfig"),
		"kube-scheduler":          in.path("kube", "kube-scheduler.kubeconfig"),
		"kubelet":                 in.drive("rig", "kube", "kubelet.kubeconfig"),
	} {
		b, err := kubeconfigOf(name, apiURL(ports), pki)
		if err != nil {
			return err
		}
		files[path] = b
	}
	for _, name := range []string{"ca.crt", "kubelet-server.crt", "kubelet-server.key"} {
		b, err := os.ReadFile(filepath.Join(pki, name))
		if err != nil {
			return err
		}
		files[in.drive("rig", "kube", name)] = b
	}
	if err := os.MkdirAll(in.drive("rig", "kube"), 0o755); err != nil {
		return err
	}
	for path, b := range files {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// runtimeHandlers are the runtimes of containerd's configuration; the cluster has a RuntimeClass of each name.
var runtimeHandlers = []string{"hcs", "hcs-sandbox", "runhcs", "control"}

func runtimeClass(name string) any {
	return map[string]any{
		"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
		"metadata": map[string]any{"name": name},
		"handler":  name,
	}
}
