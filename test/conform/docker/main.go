//go:build linux

// Command docker checks what a Docker engine promises of its containers, through the API of an unmodified dockerd on the rig (`rig
// docker-up`), with any of the rig's shims as their runtime. It is a Linux program; the environment variable RIG names the rig, and the
// command rig is beside it.
//
//	docker [-runtime NAME] [-run REGEX] [-short] [-limit D] [-patience D] [-json FILE]   run the cases, one line each
//	docker -list                                                                         name them
//	docker table FILE.json FILE.json…                                                    compare runs, a column for each
//	docker show [-docker FILE]                                                           a session with the docker command, told step by step
//
// It serves the images itself, as a registry on loopback. A case is named after the contract it checks. It removes its containers; then
// what the simulator holds and what our shim has written down must be as before.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"containerd-shim-hcs/test/conform/script"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "table" {
		os.Exit(script.TableMain(os.Args[2:], peerNotes, os.Stdout))
	}
	var o options
	var f script.Flags
	flag.StringVar(&o.runtime, "runtime", "io.containerd.hcs.v1", "runtime of the containers")
	flag.StringVar(&o.images, "images", "build/rig/image.tar", "OCI layout of the images, in a tar file")
	flag.StringVar(&o.rig, "rig", os.Getenv("RIG"), "directory of the rig")
	flag.StringVar(&o.docker, "docker", "docker", "docker command of show")
	f.Define(flag.CommandLine)
	f.DefineShort(flag.CommandLine)
	args, show := os.Args[1:], len(os.Args) > 1 && os.Args[1] == "show"
	if show {
		args = args[1:]
	}
	if err := flag.CommandLine.Parse(args); err != nil { // it ends the program itself
		os.Exit(2)
	}
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unknown argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if show {
		os.Exit(showMain(o))
	}
	os.Exit(script.Main(f, allCases(), func() (script.Runner[*T], func(), error) {
		env, err := open(o)
		if err != nil {
			return script.Runner[*T]{}, nil, err
		}
		wrap := func(t *script.Test) *T { return &T{Test: t, Env: env} }
		r := script.Runner[*T]{Runtime: o.runtime, RunID: env.runID, Machine: env.machine, Context: context.Background(), Wrap: wrap}
		return r, env.close, nil
	}))
}

// open connects to the engine and to the simulator of the rig, serves the images and pulls them.
func open(o options) (*Env, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	exe, err := os.Executable()
	if err == nil {
		o.command = filepath.Join(filepath.Dir(exe), "rig")
		if o.rig == "" {
			err = fmt.Errorf("RIG is not set: it names the directory of a rig with a Docker engine")
		}
	}
	var env *Env
	if err == nil {
		env, err = newEnv(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	return env, nil
}

// Case is one contract and the function that checks it.
type Case = script.Case[*T]

// allCases is the script, in order. The restarts come last but one; what was left behind is asked last.
func allCases() []Case {
	var all []Case
	for _, group := range [][]Case{
		imageCases, runCases, execCases, logCases, attachCases, terminalCases, stateCases, stopCases, restartCases, healthCases, mountCases,
		limitCases, networkCases, copyCases, manyCases, upheavalCases, endCases,
	} {
		all = append(all, group...)
	}
	return all
}
