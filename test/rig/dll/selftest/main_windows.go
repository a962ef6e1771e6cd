// Command selftest checks the rig's DLLs from the outside, as a client of the HCS ABI: under Wine, with the DLLs in system32, against a
// service of its own whose answers each case scripts. While it runs C:\hcssim\address is its own service's, so that no other client
// of the simulator should start in the prefix meanwhile.
//
//	CGO_ENABLED=0 GOOS=windows go build -o selftest.exe ./test/rig/dll/selftest
//	wine selftest.exe [NAME...]     the cases whose name begins with one of NAME, or all
//
// It also runs itself as a container's process: "selftest child ACTION ARGS".
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// check is one case at work.
type check struct {
	name string
	fake *fake
}

type failure struct{ text string }

func (c *check) fatalf(format string, args ...any) {
	panic(failure{fmt.Sprintf(format, args...)})
}

// must ends the case on an error.
func (c *check) must(err error, what string) {
	if err != nil {
		c.fatalf("%s: %v", what, err)
	}
}

// equal ends the case unless got is what was wanted.
func equal[T comparable](c *check, got, want T, what string) {
	if got != want {
		c.fatalf("%s: got %v, want %v", what, got, want)
	}
}

// soon waits for a value; a case never waits longer than this.
const patience = 10 * time.Second

func receive[T any](c *check, ch <-chan T, what string) T {
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		c.fatalf("%s: nothing after %v", what, patience)
	}
	panic("unreachable")
}

// none ends the case when something arrives within the time a mistake would take.
func none[T any](c *check, ch <-chan T, what string) {
	select {
	case v := <-ch:
		c.fatalf("%s: unexpected %v", what, v)
	case <-time.After(150 * time.Millisecond):
	}
}

var cases = []struct {
	name string
	run  func(*check)
}{
	{"core/operation rules", operationRules},
	{"core/operation pending and timeout", operationPending},
	{"core/operation closed in flight", operationClosedInFlight},
	{"core/operation callback", operationCallback},
	{"core/operation callbacks on the system", operationCallbacksOnSystem},
	{"core/handles are validated", handlesValidated},
	{"core/create fails later", createFailsLater},
	{"core/close during create", closeDuringCreate},
	{"core/early refusal", earlyRefusal},
	{"core/exit event", exitEvent},
	{"core/exit before the callback", exitBeforeCallback},
	{"core/close drains", closeDrains},
	{"core/close from the callback", closeFromCallback},
	{"core/wait for exit", waitForExit},
	{"core/large and non-ASCII documents", documents},
	{"core/many at once", manyAtOnce},
	{"core/process streams", processStreams},
	{"core/process fails", processFails},
	{"core/process information", processInformation},
	{"core/service lost", serviceLost},
	{"core/service restarts in place", serviceRestarts},
	{"core/service is refused", serviceRefused},
	{"v1/pending and late registration", v1Pending},
	{"v1/refused at once", v1Refused},
	{"v1/fails later", v1FailsLater},
	{"v1/slow create", v1SlowCreate},
	{"v1/exit", v1Exit},
	{"v1/unregister", v1Unregister},
	{"v1/process", v1Process},
	{"v1/service lost", v1ServiceLost},
	{"layer/arguments", layerArguments},
	{"layer/mount path", layerMountPath},
	{"layer/results", layerResults},
	{"hcn/kinds", hcnKinds},
	{"hcn/error record", hcnErrorRecord},
	{"hcn/handles", hcnHandles},
	{"bind/mappings", bindMappings},
	{"storage/forwarded", storageForwarded},
	{"pdh/as they are", pdhRaw},
	{"pdh/rates", pdhRates},
	{"pdh/refusals", pdhRefusals},
	{"hook/random", hookRandom},
	{"hook/pipe", hookPipe},
	{"hook/remove all", hookRemoveAll},
	{"hook/messages", hookMessages},
	{"hook/compartments", hookCompartments},
	{"hook/volume names", hookVolumes},
	{"hook/backup round trip", hookBackup},
	{"hook/backup streams in pieces", hookBackupPieces},
	{"hook/jobs", hookJobs},
	{"prefix/crash ends at once", crashEnds},
	{"hook/limited process handle", hookLimited},
	{"hook/mount points", hookMountPoints},
	{"view/read", viewRead},
	{"view/write", viewWrite},
	{"view/rename and link", viewRename},
	{"view/list and change directory", viewList},
	{"view/mounts", viewMounts},
	{"view/mounts of files", viewFileMounts},
	{"view/pipes", viewPipes},
	{"view/start programs", viewStart},
	{"view/console control", viewConsole},
	{"socket/TCP of two containers", socketTCP},
	{"socket/UDP of two containers", socketUDP},
	{"socket/hidden, and the host name", socketHidden},
	{"prefix/machine of a node", nodeRegistry},
	{"node/drive C:", node("drive")},
	{"link/seen and followed", node("links")},
	{"link/kinds", node("link kinds")},
	{"link/lists", node("link lists")},
	{"link/removal", node("link removal")},
	{"link/renames", node("link renames")},
	{"link/atomic writer", node("atomic writer")},
	{"node/PowerShell", node("powershell")},
	{"unix/package net", node("socket")},
	{"unix/files", node("socket files")},
	{"unix/watch", node("socket watch")},
	{"unix/ConnectEx", node("socket by GUID")},
	{"unix/by hand", node("socket by hand")},
	{"unix/deadlines", node("socket and time")},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3:])
		return
	}
	restore := borrow()
	failed, ran := runAll()
	restore()
	fmt.Printf("%d cases, %d failed\n", ran, failed)
	if failed > 0 || ran == 0 {
		os.Exit(1)
	}
}

// borrow remembers the address of the service that is there; the function it returns puts it back and removes what the cases made.
func borrow() (restore func()) {
	old, err := os.ReadFile(addressFile)
	return func() {
		for _, path := range []string{`C:\hcssim\selftest`, `C:\hcssim\file`, `C:\hcssim\disk.vhd`, `C:\hcssim-host.txt`, `C:\hcssim-hostdir`, addressFile} {
			if err := os.RemoveAll(path); err != nil {
				fmt.Println("clean up:", err)
			}
		}
		if err == nil {
			if err := os.WriteFile(addressFile, old, 0o644); err != nil {
				fmt.Println("put back the address:", err)
			}
		}
	}
}

func runAll() (failed, ran int) {
	service := newFake()
	for _, c := range cases {
		if !wanted(c.name) {
			continue
		}
		ran++
		start := time.Now()
		service.reset()
		if text := run(&check{name: c.name, fake: service}, c.run); text != "" {
			failed++
			fmt.Printf("FAIL  %s: %s\n", c.name, text)
			continue
		}
		fmt.Printf("ok    %s (%v)\n", c.name, time.Since(start).Round(time.Millisecond))
	}
	return failed, ran
}

func wanted(name string) bool {
	for _, prefix := range os.Args[1:] {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return len(os.Args) == 1
}

func run(c *check, f func(*check)) (text string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case failure:
			text = v.text
		default:
			text = fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	f(c)
	return ""
}
