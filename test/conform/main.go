// Command conform checks what a task is promised to do, through a running containerd, for any runtime name.
//
//	conform [-runtime NAME] [-image REF] [-ctr EXE] [-run REGEX] [-json FILE]   run the cases, one line each
//	conform -list                                                             name them
//	conform table FILE.json FILE.json…                                         compare runs, a column for each
//	conform restart [flags as above]                                          cases in which containerd is killed and started again
//	conform torture [-seed N] [-rounds N] [flags]                             random lives while everything around them fails
//	conform soak [-cycles N] [flags]                                          execs in one container, and what the shim's process has
//	conform tally TALLY.json…                                                 compare the findings of tortures
//	conform footprint EXE                                                     handles, threads and memory of a program's processes
//	conform upgrade -to EXE[,EXE…] [flags]                                    tasks live through other versions of containerd
//
// A case is named after the contract it checks, never after an implementation. It acts as a client of containerd does, with
// containerd's Go client, and with ctr where a person would. What the machine itself holds is asked of the rig's simulator, so
// that an answer without a deed behind it fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"containerd-shim-hcs/test/conform/script"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "table" {
		os.Exit(script.TableMain(os.Args[2:], peerNotes, os.Stdout))
	}
	if len(os.Args) > 1 && os.Args[1] == "tally" {
		os.Exit(tallyMain(os.Args[2:], os.Stdout))
	}
	if len(os.Args) > 1 && os.Args[1] == "footprint" {
		os.Exit(footprintMain(os.Args[2:], os.Stdout))
	}
	suite, args := "", os.Args[1:]
	if len(args) > 0 && suites[args[0]] != nil {
		suite, args = args[0], args[1:]
	}
	os.Exit(runMain(suites[suite](), args))
}

func runMain(cases []Case, args []string) int {
	var o options
	flag.StringVar(&o.address, "address", `\\.\pipe\containerd-containerd`, "containerd's gRPC address")
	flag.StringVar(&o.runtime, "runtime", "io.containerd.hcs.v1", "runtime of the containers")
	flag.StringVar(&o.image, "image", "docker.io/library/winapp:1", "image of the containers")
	flag.StringVar(&o.snapshotter, "snapshotter", "windows", "snapshotter that holds the image")
	flag.StringVar(&o.namespace, "namespace", "default", "containerd namespace")
	flag.StringVar(&o.ctr, "ctr", "ctr.exe", "path of ctr")
	flag.StringVar(&o.sim, "sim", `C:\hcssim\address`, "file with the simulator's TCP address")
	flag.StringVar(&o.dir, "dir", `C:\rig`, "directory of containerd.exe and its configuration")
	flag.StringVar(&o.state, "state", `C:\ProgramData\containerd\state`, "containerd's state directory")
	flag.StringVar(&o.log, "log", `C:\rig\containerd.log`, "what a containerd started from here prints")
	flag.Uint64Var(&o.seed, "seed", 1, "of the first round of torture; each further one adds 1")
	flag.IntVar(&o.rounds, "rounds", 20, "rounds of torture")
	flag.IntVar(&o.tasks, "tasks", 20, "tasks in a round of torture")
	flag.IntVar(&o.cycles, "cycles", 5000, "execs of the soak")
	flag.StringVar(&o.ledgers, "ledgers", `C:\ProgramData\containerd-shim-hcs\ledger`, "directory in which torture and soak look for what a shim has left; empty: nowhere")
	flag.StringVar(&o.tally, "tally", "", "write the sum of the torture to this file")
	flag.BoolVar(&o.verbose, "v", false, "with a finding of torture, print all that is known of its task")
	to := flag.String("to", "", "executables of containerd to upgrade to, separated by commas")
	var f script.Flags
	f.Define(flag.CommandLine)
	flag.CommandLine.Parse(args) // ends the program when it fails
	if *to != "" {
		o.to = strings.Split(*to, ",")
	}
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unknown argument %q\n", flag.Arg(0))
		return 2
	}
	return script.Main(f, cases, func() (script.Runner[*T], func(), error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		env, err := newEnv(ctx, o)
		if err != nil {
			return script.Runner[*T]{}, nil, fmt.Errorf("conform: %w", err)
		}
		wrap := func(t *script.Test) *T { return &T{Test: t, Env: env} }
		return script.Runner[*T]{Runtime: o.runtime, RunID: env.runID, Machine: env.machine, Context: env.ctx, Wrap: wrap}, env.close, nil
	})
}
