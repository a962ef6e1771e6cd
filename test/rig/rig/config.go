//go:build linux

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// config is containerd's, in the version that 1.7 reads too; 2.x takes CRI's old section for its new ones. The CimFS snapshotters are
// off: in 2.2 one makes a virtual disk when it is loaded, and Wine aborts a program that tries.
//
// CRI is configured as on a node, with what containerd has for Windows by default in every handler. A kubelet gives a pod's annotations
// with the sandbox only: pod_annotations takes them from there to the pod's containers too. "hcs" and "hcs-sandbox" are our
// shim with a pod's own container and without one (sandboxer "shim", which 1.7 does not have and takes for the other); "control" is
// what the conformance scripts have to fail with.
const config = `version = 2
root = 'C:\ProgramData\containerd\root'
state = 'C:\ProgramData\containerd\state'
disabled_plugins = [
  'io.containerd.snapshotter.v1.cimfs',
  'io.containerd.snapshotter.v1.blockcim',
]

[debug]
  level = 'debug'

[grpc]
  address = '\\.\pipe\containerd-containerd'

[plugins.'io.containerd.grpc.v1.cri']
  sandbox_image = 'docker.io/library/winpause:1'
  [plugins.'io.containerd.grpc.v1.cri'.cni]
    bin_dir = 'C:\rig\cni\bin'
    conf_dir = 'C:\rig\cni\conf'
  [plugins.'io.containerd.grpc.v1.cri'.containerd]
    default_runtime_name = 'hcs'
    [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.hcs]
      runtime_type = 'io.containerd.hcs.v1'
      pod_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
      container_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
    [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.hcs-sandbox]
      runtime_type = 'io.containerd.hcs.v1'
      pod_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
      container_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
      sandboxer = 'shim'
      disable_pause_image_pull = true
    [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runhcs]
      runtime_type = 'io.containerd.runhcs.v1'
      pod_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
      container_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
      [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runhcs.options]
        ScrubLogs = true
    [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.control]
      runtime_type = 'io.containerd.control.v1'
      pod_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
      container_annotations = ['io.microsoft.container.*', 'io.containerd.hcs.*']
`

// cniConfig names the network that the simulator has.
const cniConfig = `{"cniVersion": "1.0.0", "name": "nat", "plugins": [{"type": "cni"}]}
`

// configure writes the configurations, and reports whether the one that a running containerd read is another.
func (in *Instance) configure() (changed bool, err error) {
	conf := in.drive("rig", "cni", "conf")
	if err := os.MkdirAll(conf, 0o755); err != nil {
		return false, err
	}
	if err := replaceFile(filepath.Join(conf, "10-nat.conflist"), []byte(cniConfig)); err != nil {
		return false, err
	}
	path := in.drive("rig", "config.toml")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if bytes.Equal(old, []byte(config)) {
		return false, nil
	}
	return true, replaceFile(path, []byte(config))
}
