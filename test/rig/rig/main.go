//go:build linux

// Command rig runs an unmodified containerd for Windows on Linux: a Wine prefix with the simulator's DLLs in it, the simulator's
// service process, containerd.exe, and a shim beside it.
//
//	rig up [--shim EXE] [--peer EXE] [--containerd EXE]
//	                      make the instance if it is not there and start what does not run; a ctr.exe beside the containerd
//	                      comes with it
//	rig kube-up DIR [up's options]
//	                      up, and a Kubernetes cluster whose one node this is, of the programs that test/rig/tools/kubernetes/build.sh
//	                      put into DIR; says how to use it
//	rig docker-up EXE [up's options]
//	                      up, and a Docker engine on its containerd: that dockerd.exe; says how to use it
//	rig restart NAME      kill containerd or kubelet, or end dockerd, and start it again
//	rig programs          what was started, as JSON: name, Unix process id, whether it is alive
//	rig down              stop what the instance runs; its files stay
//	rig wipe              down, and remove the instance
//	rig ctr ARGS…         ctr.exe
//	rig run EXE ARGS…     any Windows program
//	rig journal           the calls the simulator got, oldest first
//	rig fault [RULE]      add a fault rule; without one, clear all
//	rig state             what exists at the simulator, as JSON
//	rig logs [NAME]       what the started programs printed
//	rig demo              a container's life, shown step by step on an instance of its own
//
// The environment variable RIG names the directory of the instance (default build/rig/default beside this program); any number of
// instances run side by side, because each prefix has its own wineserver and named pipes live there.
//
// The exit code of ctr and run is the Windows program's, of which Unix keeps the low eight bits.
//
// An instance ends only what it started: its prefix's wineserver, and processes it remembers by id and start time.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	in, err := instance()
	if err == nil {
		err = command(in, os.Args[1], os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: rig up [--shim EXE] [--peer EXE] [--containerd EXE] | kube-up DIR [up's options] | docker-up EXE [up's options] | restart NAME | programs | down | wipe | ctr ARGS… | run EXE ARGS… | journal | fault [RULE] | state | logs [NAME] | demo")
	os.Exit(2)
}

// instance is the one that RIG names.
func instance() (*Instance, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	bin := filepath.Dir(exe)
	if _, err := os.Stat(filepath.Join(bin, "containerd.exe")); err != nil {
		return nil, errors.New("no containerd.exe beside this program: `make rig` builds both")
	}
	dir := os.Getenv("RIG")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(bin), "default")
	}
	return NewInstance(bin, dir)
}

func command(in *Instance, name string, args []string) error {
	switch name {
	case "up":
		opt, err := upOptions(args)
		if err != nil {
			return err
		}
		return in.Up(opt)
	case "kube-up":
		if len(args) == 0 || strings.HasPrefix(args[0], "-") {
			return errors.New("kube-up: the directory of the programs comes first; test/rig/tools/kubernetes/build.sh prints it")
		}
		opt, err := upOptions(args[1:])
		if err != nil {
			return err
		}
		return in.KubeUp(args[0], opt)
	case "docker-up":
		if len(args) == 0 || strings.HasPrefix(args[0], "-") {
			return errors.New("docker-up: the dockerd.exe comes first")
		}
		opt, err := upOptions(args[1:])
		if err != nil {
			return err
		}
		return in.DockerUp(args[0], opt)
	case "restart":
		if len(args) != 1 {
			return errors.New("restart: one name: containerd, kubelet, dockerd")
		}
		return in.Restart(args[0])
	case "programs":
		return in.printStarted()
	case "down":
		return in.Down()
	case "wipe":
		return in.Wipe()
	case "ctr":
		return in.Exec(`C:\rig\ctr.exe`, args)
	case "run":
		if len(args) == 0 {
			usage()
		}
		return in.Exec(args[0], args[1:])
	case "journal":
		lines, err := in.Sim("SimJournal")
		if err != nil {
			return err
		}
		for _, l := range lines {
			fmt.Println(l)
		}
		return nil
	case "fault":
		n, err := in.Sim("SimFault", strings.Join(args, " "))
		if err != nil {
			return err
		}
		fmt.Println("fault rules now:", strings.Join(n, " "))
		return nil
	case "state":
		s, err := in.State()
		if err != nil {
			return err
		}
		fmt.Println(s)
		return nil
	case "logs":
		return in.Logs(os.Stdout, args)
	case "demo":
		return demo(in)
	}
	usage()
	return nil
}

func upOptions(args []string) (Options, error) {
	var opt Options
	fields := map[string]*string{"--shim": &opt.Shim, "--peer": &opt.Peer, "--containerd": &opt.Containerd}
	for len(args) > 0 {
		name, value, joined := strings.Cut(args[0], "=")
		field := fields[name]
		if field == nil {
			return opt, fmt.Errorf("up: unknown argument %q", args[0])
		}
		args = args[1:]
		if !joined {
			if len(args) == 0 {
				return opt, fmt.Errorf("up: %s needs a file", name)
			}
			value, args = args[0], args[1:]
		}
		*field = value
	}
	return opt, nil
}
