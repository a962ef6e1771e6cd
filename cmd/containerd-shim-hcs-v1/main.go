// Command containerd-shim-hcs-v1 is a containerd shim for Windows containers; see package shim. This package only reads the command
// line and joins the parts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/shim"
)

// Set by the linker.
var (
	version = "dev"
	commit  = ""
)

const usage = `NAME:
   %[1]s - containerd shim for Windows containers on the Host Compute Service

USAGE:
   %[1]s -namespace NS -address PIPE -publish-binary EXE -id ID [-debug] start
   %[1]s -namespace NS -address PIPE -publish-binary EXE -id ID -bundle DIR [-debug] delete
   %[1]s -info
   %[1]s -v
   %[1]s gc
   %[1]s -namespace NS -id ID stacks

containerd runs these commands, except the last two. gc gives back what shims that were killed left behind on the machine; every start of a
shim does that too. stacks prints what a shim that seems to hang is doing; ID is that of the container or of the pod's sandbox.
`

// options is the command line.
type options struct {
	shim.Flags
	action        string
	info, version bool
	help          bool
}

func main() {
	if err := run(os.Args, os.Stdin, os.Stdout, os.Stderr); err != nil {
		// containerd shows standard error of a command that failed.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(args[0])), ".exe")
	o, err := parse(name, args[1:])
	if err != nil {
		return err
	}
	switch {
	case o.help:
		_, err = fmt.Fprintf(stdout, usage, name)
		return err
	case o.version:
		_, err = fmt.Fprintf(stdout, "%s %s\ncommit: %s\nspec: %s\ngo: %s\n", name, version, commit, specs.Version, runtime.Version())
		return err
	case o.info:
		return shim.Info(runtimeName(name), shim.Version{Version: version, Commit: commit}, stdin, stdout)
	}
	ctx := context.Background()
	switch o.action {
	case "gc":
		return collect(ctx, stdout)
	case "start":
		return start(ctx, name, o, stdin, stdout)
	case "serve":
		return serve(ctx, o, stdin)
	case "stacks":
		return stacks(ctx, o, stdout)
	case "delete":
		return remove(ctx, o, stdout, stderr)
	}
	return fmt.Errorf("unknown command %q", o.action)
}

func parse(name string, args []string) (options, error) {
	var o options
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.Namespace, "namespace", "", "containerd namespace")
	f.StringVar(&o.Address, "address", "", "containerd's gRPC address")
	f.StringVar(&o.Publish, "publish-binary", "", "containerd binary")
	f.StringVar(&o.ID, "id", "", "container or sandbox id")
	f.StringVar(&o.Bundle, "bundle", "", "bundle directory (delete, serve)")
	f.BoolVar(&o.Debug, "debug", false, "log at debug level")
	f.BoolVar(&o.info, "info", false, "print the runtime's features")
	f.BoolVar(&o.version, "v", false, "print the version")
	f.BoolVar(&o.version, "version", false, "print the version")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		o.help = true
		return o, nil
	}
	if err != nil {
		return o, err
	}
	if o.version || o.info {
		return o, nil
	}
	if f.NArg() == 1 && f.Arg(0) == "gc" {
		o.action = "gc"
		return o, nil
	}
	if f.NArg() == 1 && f.Arg(0) == "stacks" {
		o.action = "stacks"
		if o.Namespace == "" || o.ID == "" {
			return o, errors.New("namespace and id are required")
		}
		return o, nil
	}
	// The order of these is the one that Microsoft's shim has.
	for _, r := range []struct{ name, value string }{
		{"namespace", o.Namespace}, {"address", o.Address}, {"publish-binary", o.Publish}, {"id", o.ID},
	} {
		if r.value == "" {
			return o, fmt.Errorf("%s is required", r.name)
		}
	}
	if f.NArg() == 0 {
		o.help = true
		return o, nil
	}
	if f.NArg() > 1 {
		return o, fmt.Errorf("unexpected argument %q after %s: flags come before the command", f.Arg(1), f.Arg(0))
	}
	o.action = f.Arg(0)
	if o.action == "delete" && o.Bundle == "" {
		return o, errors.New("bundle is required")
	}
	return o, nil
}

// runtimeName is the name under which containerd finds the executable: containerd-shim-hcs-v1 is io.containerd.hcs.v1.
func runtimeName(exe string) string {
	parts := strings.Split(strings.TrimPrefix(exe, "containerd-shim-"), "-")
	return "io.containerd." + strings.Join(parts, ".")
}
