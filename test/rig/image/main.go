// Command image writes the rig's container images as an OCI layout in one tar file, for `ctr images import`:
//
//	docker.io/library/winbase:1   one layer
//	docker.io/library/winapp:1    the same layer and a second one with C:\app\winapp.exe
//	docker.io/library/winpause:1  the same two; it runs until the console is closed or the system shut down, as CRI wants of a pod's
//	                              own container
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
	out := flag.String("o", "", "tar file to write")
	flag.Parse()
	if *winapp == "" || *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*winapp, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(winapp, out string) error {
	exe, err := os.ReadFile(winapp)
	if err != nil {
		return err
	}
	tar, err := build(exe)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out+".new", tar, 0o644); err != nil {
		return err
	}
	return os.Rename(out+".new", out)
}

// build returns the whole tar file.
func build(winapp []byte) ([]byte, error) {
	base, err := layer(baseEntries())
	if err != nil {
		return nil, err
	}
	app, err := layer(appEntries(winapp))
	if err != nil {
		return nil, err
	}
	var l layout
	if err := l.image("docker.io/library/winbase:1", containerConfig{
		Env:        []string{`PATH=C:\Windows\System32;C:\Windows`},
		Cmd:        []string{"cmd", "/c", "type base.txt"},
		WorkingDir: `C:\`,
	}, base); err != nil {
		return nil, err
	}
	if err := l.image("docker.io/library/winapp:1", containerConfig{
		Env:        []string{`PATH=C:\app;C:\Windows\System32;C:\Windows`},
		Cmd:        []string{"winapp.exe", "print", "hello from winapp"},
		WorkingDir: `C:\app`,
	}, base, app); err != nil {
		return nil, err
	}
	if err := l.image("docker.io/library/winpause:1", containerConfig{
		Env:        []string{`PATH=C:\app;C:\Windows\System32;C:\Windows`},
		Cmd:        []string{"winapp.exe", "trap"},
		WorkingDir: `C:\app`,
	}, base, app); err != nil {
		return nil, err
	}
	return l.tar()
}
