// Command image writes the rig's container images as an OCI layout in one tar file, for `ctr images import`:
//
//	docker.io/library/winbase:1   one layer
//	docker.io/library/winapp:1    the same layer and a second one with C:\app\winapp.exe
//	docker.io/library/winapp:2    the same two, with VERSION=2 in the environment: what a workload is updated to
//	docker.io/library/winpause:1  the same two; it runs until the console is closed or the system shut down, as CRI wants of a pod's
//	                              own container
//	docker.io/library/agnhost:1   with -agnhost FILE: the first layer and one with that program as C:\agnhost.exe, the workload of
//	                              Kubernetes' own tests
//
// The layers have the form that containerd's Windows differ unpacks with hcsshim: Files\ and Hives\ at the top, the Windows attributes
// of each entry in a PAX record. Layer 2 has a file of its own and one over a file of layer 1, so that a container can tell whether it
// sees both and which comes first. The output depends on the input alone.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	winapp := flag.String("winapp", "", "winapp.exe to pack")
	agnhost := flag.String("agnhost", "", "agnhost.exe to pack, if any")
	out := flag.String("o", "", "tar file to write")
	flag.Parse()
	if *winapp == "" || *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*winapp, *agnhost, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(winapp, agnhost, out string) error {
	app, err := os.ReadFile(winapp)
	if err != nil {
		return err
	}
	var host []byte
	if agnhost != "" {
		if host, err = os.ReadFile(agnhost); err != nil {
			return err
		}
	}
	tar, err := build(app, host)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out+".new", tar, 0o644); err != nil {
		return err
	}
	return os.Rename(out+".new", out)
}

const (
	system = `C:\Windows\System32;C:\Windows`
	inApp  = `PATH=C:\app;` + system
)

// build returns the whole tar file. Without an agnhost there is no image of it.
func build(winapp, agnhost []byte) ([]byte, error) {
	base, err := layer(baseEntries())
	if err != nil {
		return nil, err
	}
	app, err := layer(appEntries(winapp))
	if err != nil {
		return nil, err
	}
	hello := []string{"winapp.exe", "print", "hello from winapp"}
	images := []struct {
		name   string
		config containerConfig
		layers [][]byte
	}{
		{"winbase:1", containerConfig{Env: []string{"PATH=" + system}, Cmd: []string{"cmd", "/c", "type base.txt"}, WorkingDir: `C:\`}, [][]byte{base}},
		{"winapp:1", containerConfig{Env: []string{inApp}, Cmd: hello, WorkingDir: `C:\app`}, [][]byte{base, app}},
		{"winapp:2", containerConfig{Env: []string{inApp, "VERSION=2"}, Cmd: hello, WorkingDir: `C:\app`}, [][]byte{base, app}},
		{"winpause:1", containerConfig{Env: []string{inApp}, Cmd: []string{"winapp.exe", "trap"}, WorkingDir: `C:\app`}, [][]byte{base, app}},
	}
	if agnhost != nil {
		host, err := layer(agnhostEntries(agnhost))
		if err != nil {
			return nil, err
		}
		images = append(images, images[0])
		i := &images[len(images)-1]
		i.name, i.layers = "agnhost:1", [][]byte{base, host}
		i.config.Entrypoint, i.config.Cmd = []string{`C:\agnhost.exe`}, []string{"pause"}
	}
	var l layout
	for _, i := range images {
		if err := l.image("docker.io/library/"+i.name, i.config, i.layers...); err != nil {
			return nil, err
		}
	}
	return l.tar()
}
