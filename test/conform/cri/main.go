// Command cri checks what pods and their containers are promised to do, through the CRI service of a running containerd, for any of its
// runtime handlers. It acts as the kubelet does.
//
//	cri [-handler NAME] [-address PIPE] [-image REF] [-run REGEX] [-json FILE]   run the cases, one line each
//	cri -list                                                                  name them
//	cri table FILE.json FILE.json…                                              compare runs, a column for each
//
// A case is named after the contract it checks. CRI answers much from containerd's own memory, whatever the shim does; so what the
// machine itself holds is asked of the rig's simulator, and a pod counts for as much as what runs in it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"containerd-shim-hcs/test/conform/script"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "table" {
		os.Exit(script.TableMain(os.Args[2:], peerNotes, os.Stdout))
	}
	var o options
	var f script.Flags
	flag.StringVar(&o.address, "address", `\\.\pipe\containerd-containerd`, "containerd's gRPC address")
	flag.StringVar(&o.handler, "handler", "hcs", "runtime handler of the pods")
	flag.StringVar(&o.image, "image", "docker.io/library/winapp:1", "image of the containers")
	flag.StringVar(&o.sim, "sim", `C:\hcssim\address`, "file with the simulator's TCP address")
	flag.StringVar(&o.dir, "dir", `C:\rig`, "directory of containerd.exe and its configuration")
	flag.StringVar(&o.log, "log", `C:\rig\containerd.log`, "what a containerd started from here prints")
	flag.StringVar(&o.work, "work", `C:\cri`, "directory for the pods' logs and what is mounted")
	f.Define(flag.CommandLine)
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unknown argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	os.Exit(script.Main(f, allCases(), func() (script.Runner[*T], func(), error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		env, err := newEnv(ctx, o)
		if err != nil {
			return script.Runner[*T]{}, nil, fmt.Errorf("cri: %w", err)
		}
		wrap := func(t *script.Test) *T { return &T{Test: t, Env: env} }
		r := script.Runner[*T]{Runtime: o.handler, RunID: env.runID, Machine: env.machine, Context: context.Background(), Wrap: wrap}
		return r, env.close, nil
	}))
}

// Case is one contract and the function that checks it.
type Case = script.Case[*T]

// allCases is the script, in order. The cases that kill containerd come last but one, what was left behind is asked last.
func allCases() []Case {
	var all []Case
	for _, group := range [][]Case{
		podCases, containerCases, execCases, attachCases, logCases, stopCases, statsCases, updateCases, eventCases, networkCases, manyCases, restartCases, endCases,
	} {
		for _, c := range group {
			if c.Limit == 0 {
				c.Limit = 2 * time.Minute // several containers, one after the other, on a busy machine
			}
			all = append(all, c)
		}
	}
	return all
}
