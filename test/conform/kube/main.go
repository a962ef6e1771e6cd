//go:build linux

// Command kube checks what Kubernetes promises of its pods, through the API server of a cluster whose one node is the rig's (`rig kube-up`),
// for any of its runtime classes. It is a Linux program; the environment variable RIG names the rig, and the command rig is beside it.
//
//	kube [-runtime-class NAME] [-run REGEX] [-short] [-limit D] [-patience D] [-json FILE]   run the cases, one line each
//	kube -list                                                                               name them
//	kube table FILE.json FILE.json…                                                          compare runs, a column for each
//	kube show [-kubectl FILE]                                                                a session with kubectl, told step by step
//
// A case is named after the contract it checks. It has a Kubernetes namespace of its own and deletes it; then what the simulator holds and
// what our shim has written down must be as before.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"containerd-shim-hcs/test/conform/script"
)

// patience is how long a namespace may take to go, and what its pods held: the kubelet looks for what is left of pods once a minute
// (k8s.io/kubernetes/pkg/kubelet, ContainerGCPeriod).
const patience = 100 * time.Second

func main() {
	if len(os.Args) > 1 && os.Args[1] == "table" {
		os.Exit(script.TableMain(os.Args[2:], peerNotes, os.Stdout))
	}
	var o options
	var f script.Flags
	flag.StringVar(&o.class, "runtime-class", "hcs", "runtime class of the pods")
	flag.StringVar(&o.image, "image", "docker.io/library/winapp", "image of the containers, without its tag: 1 and 2 are there")
	flag.StringVar(&o.agnhost, "agnhost", "docker.io/library/agnhost:1", "image of Kubernetes' own test program")
	flag.StringVar(&o.rig, "rig", os.Getenv("RIG"), "directory of the rig")
	flag.IntVar(&o.probePods, "probe-pods", 20, "pods of upheaval/probes-leave-nothing-in-the-shims")
	flag.DurationVar(&o.probeTime, "probe-time", 10*time.Minute, "how long they are probed")
	flag.StringVar(&o.kubectl, "kubectl", "kubectl", "kubectl of show")
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
	// A client that leaves a stream is no news, and the library would print it.
	klog.SetLogger(logr.Discard())
	if show {
		os.Exit(showMain(o))
	}
	os.Exit(script.Main(f, allCases(o), func() (script.Runner[*T], func(), error) {
		env, err := open(o)
		if err != nil {
			return script.Runner[*T]{}, nil, err
		}
		wrap := func(t *script.Test) *T { return &T{Test: t, Env: env} }
		r := script.Runner[*T]{
			Runtime: o.class, RunID: env.runID, Machine: env.judged(), Context: context.Background(), Wrap: wrap, Patience: patience,
		}
		return r, env.machine.Close, nil
	}))
}

// open connects to the cluster and to the simulator of the rig.
func open(o options) (*Env, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exe, err := os.Executable()
	if err == nil {
		o.command = filepath.Join(filepath.Dir(exe), "rig")
		if o.rig == "" {
			err = fmt.Errorf("RIG is not set: it names the directory of a rig with a cluster")
		}
	}
	var env *Env
	if err == nil {
		env, err = newEnv(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	return env, nil
}

// Case is one contract and the function that checks it.
type Case = script.Case[*T]

// allCases is the script, in order. The cases that upset the node come last but one, what was left behind is asked last.
func allCases(o options) []Case {
	var all []Case
	for _, group := range [][]Case{
		nodeCases, deploymentCases, podCases, logCases, execCases, attachCases, forwardCases, probeCases, volumeCases, stopCases, restartCases,
		jobCases, resourceCases, classCases, networkCases, statsCases, hostProcessCases, upheavalCases, endCases,
	} {
		all = append(all, group...)
	}
	for i := range all {
		if all[i].Name == probesCase {
			all[i].Limit += o.probeTime
		}
	}
	return all
}
