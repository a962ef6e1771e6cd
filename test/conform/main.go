// Command conform checks what a task is promised to do, through a running containerd, for any runtime name.
//
//	conform [-runtime NAME] [-image REF] [-ctr EXE] [-run REGEX] [-json FILE]   run the cases, one line each
//	conform -list                                                             name them
//	conform table OURS.json PEER.json CONTROL.json                            compare three runs
//	conform restart [flags as above]                                          cases in which containerd is killed and started again
//	conform torture [-seed N] [-rounds N] [flags]                             random lives while everything around them fails
//	conform soak [-cycles N] [flags]                                          execs in one container, and what the shim's process has
//	conform tally TALLY.json…                                                 compare the findings of tortures
//	conform upgrade -to EXE[,EXE…] [flags]                                    tasks live through other versions of containerd
//
// A case is named after the contract it checks, never after an implementation. It acts as a client of containerd does, with
// containerd's Go client, and with ctr where a person would. What the machine itself holds is asked of the rig's simulator, so
// that an answer without a deed behind it fails.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "table" {
		os.Exit(tableMain(os.Args[2:], os.Stdout))
	}
	if len(os.Args) > 1 && os.Args[1] == "tally" {
		os.Exit(tallyMain(os.Args[2:], os.Stdout))
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
	run := flag.String("run", "", "run only the cases that match this expression")
	out := flag.String("json", "", "write the results to this file")
	list := flag.Bool("list", false, "list the cases")
	flag.CommandLine.Parse(args) // ends the program when it fails
	if *to != "" {
		o.to = strings.Split(*to, ",")
	}
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unknown argument %q\n", flag.Arg(0))
		return 2
	}
	match, err := regexp.Compile(*run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	var chosen []Case
	for _, c := range cases {
		if match.MatchString(c.Name) {
			chosen = append(chosen, c)
		}
	}
	if *list {
		for _, c := range chosen {
			fmt.Println(c.Name)
		}
		return 0
	}
	if len(chosen) == 0 {
		fmt.Fprintf(os.Stderr, "no case matches %q\n", *run)
		return 2
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	env, err := newEnv(ctx, o)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conform:", err)
		return 2
	}
	defer env.close()
	rep := runCases(env, chosen, os.Stdout)
	if *out != "" {
		b, err := json.MarshalIndent(rep, "", "  ")
		if err == nil {
			err = os.WriteFile(*out, append(b, '\n'), 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "conform:", err)
			return 2
		}
	}
	failed := 0
	for _, r := range rep.Results {
		if !r.OK {
			failed++
		}
	}
	fmt.Printf("%s: %d cases, %d failed\n", o.runtime, len(rep.Results), failed)
	if failed > 0 {
		return 1
	}
	return 0
}
