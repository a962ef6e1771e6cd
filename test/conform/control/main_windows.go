// Command control is installed as containerd-shim-control-v1.exe (runtime io.containerd.control.v1) and is no shim: it starts, serves
// the task API, agrees to everything, and does nothing. It answers with what a careless check would take for a working container:
// states that follow the calls, its own pid, an exit code of 0, the stdio paths it was given, even the events. A case of the
// conformance script that passes on it looks at nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/Microsoft/go-winio"
	task "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/ttrpc"
	"golang.org/x/sys/windows"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var (
	namespace = flag.String("namespace", "", "")
	id        = flag.String("id", "", "")
	info      = flag.Bool("info", false, "")
)

func main() {
	// What containerd passes to every shim and this one has no use for.
	flag.String("address", "", "")
	flag.String("publish-binary", "", "")
	flag.String("bundle", "", "")
	flag.Bool("debug", false, "")
	flag.Parse()
	var err error
	switch {
	case *info:
		err = answer(&types.RuntimeInfo{Name: "io.containerd.control.v1"})
	case flag.Arg(0) == "start":
		err = start()
	case flag.Arg(0) == "serve":
		err = serve()
	case flag.Arg(0) == "delete":
		err = answer(&task.DeleteResponse{ExitedAt: timestamppb.Now()})
	default:
		err = fmt.Errorf("unknown command %q", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "control:", err)
		os.Exit(1)
	}
}

func answer(m proto.Message) error {
	b, err := proto.Marshal(m)
	if err == nil {
		_, err = os.Stdout.Write(b)
	}
	return err
}

func taskPipe() string { return `\\.\pipe\control-` + *namespace + "-" + *id }

// start leaves a server behind and tells its address. The server must not inherit the handles of start: containerd reads them to
// their end.
func start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, "-namespace", *namespace, "-id", *id, "serve")
	c.Dir = os.TempDir() // a process whose directory is the bundle keeps it from being removed
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS, NoInheritHandles: true}
	if err := c.Start(); err != nil {
		return err
	}
	end := time.Now().Add(10 * time.Second)
	for {
		d := time.Second
		conn, err := winio.DialPipe(taskPipe(), &d)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"version": 2, "address": taskPipe(), "protocol": "ttrpc"})
}

func serve() error {
	pipe, err := winio.ListenPipe(taskPipe(), nil)
	if err != nil {
		return err
	}
	// containerd waits for the log pipe; no one needs to write to it.
	logs, err := winio.ListenPipe(`\\.\pipe\containerd-shim-`+*namespace+"-"+*id+"-log", nil)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := logs.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c) // held open until containerd hangs up
		}
	}()
	s, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	svc := newService(func() {
		time.Sleep(50 * time.Millisecond) // the answer to Shutdown goes first
		os.Exit(0)
	})
	task.RegisterTTRPCTaskService(s, svc)
	time.AfterFunc(15*time.Minute, func() { os.Exit(0) }) // should containerd forget it
	return s.Serve(context.Background(), pipe)
}
