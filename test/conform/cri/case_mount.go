package main

import (
	"os"
	"path/filepath"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// containerFileMount: a kubelet mounts single files into each container: the termination log, which the container writes, and files of
// subPath, in directories that the image has not.
func containerFileMount(t *T) {
	dir := filepath.Join(t.o.work, t.runID, t.ID())
	t.Must(os.MkdirAll(dir, 0o755), "directory of the host")
	const hosts = `C:\Windows\System32\drivers\etc\hosts` // over a file of Windows
	log, config := filepath.Join(dir, "log"), filepath.Join(dir, "config.txt")
	t.Must(os.WriteFile(log, nil, 0o644), "make a file")
	t.Must(os.WriteFile(config, []byte("key=value\n"), 0o644), "write a file")
	c := t.pod().runWith(app("print", "up", "--", "sleep", "300s"), func(c *runtime.ContainerConfig) {
		c.Mounts = []*runtime.Mount{{HostPath: log, ContainerPath: `C:\dev\termination-log`}, {HostPath: config, ContainerPath: `C:\etc\app\config.txt`, Readonly: true},
			{HostPath: config, ContainerPath: hosts}}
	})
	c.says("up\n")
	c.execs("type", `C:\etc\app\config.txt`, "--", "ls", `C:\etc\app`, "--", "ls", `C:\dev`, "--", "type", hosts).gives(
		"key=value\nconfig.txt\ntermination-log\nkey=value\n", "", 0)
	c.execs("write", `C:\dev\termination-log`, "the", "reason").gives("", "", 0)
	got, err := os.ReadFile(log)
	t.Must(err, "read what the container wrote")
	t.Want(string(got) == "the reason\n", "the host reads %q", got)
	o := c.execs("append", `C:\etc\app\config.txt`, "x")
	t.Want(o.code != 0, "a read-only file was written")
}
