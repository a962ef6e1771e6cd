package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

const allStreams = `{"CommandLine":"x \"CreateStdErrPipe\":false","CreateStdInPipe":true,"CreateStdOutPipe" : true,"CreateStdErrPipe":true}`

// openPipe is the service's end of a stream.
func openPipe(name string, access uint32) (*os.File, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(p, access, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return os.NewFile(uintptr(h), name), nil
}

// echo scripts a process that copies stdin to stdout and says "err" on stderr.
func echo(c *check) {
	c.fake.on("HcsCreateProcess", func(args []string) answer {
		names := args[4:7]
		stdin, err := openPipe(names[0], windows.GENERIC_READ)
		if err != nil {
			return refuse(fileNotFound, err.Error())
		}
		stdout, err := openPipe(names[1], windows.GENERIC_WRITE)
		if err != nil {
			return refuse(fileNotFound, err.Error())
		}
		stderr, err := openPipe(names[2], windows.GENERIC_WRITE)
		if err != nil {
			return refuse(fileNotFound, err.Error())
		}
		go func() {
			_, _ = stderr.WriteString("err")
			stderr.Close()
			_, _ = io.Copy(stdout, stdin)
			stdout.Close()
			stdin.Close()
		}()
		return ok("4711")
	})
}

func processStreams(c *check) {
	sys := newSystem(c)
	echo(c)
	proc := newOutHandle()
	op := newOp(c)
	var info processInfo
	equal(c, call(core, "HcsCreateProcess", sys, text(allStreams), op, 0, proc.arg()), 0, "create process: "+c.fake.last(c, "HcsCreateProcess"))
	equal(c, call(core, "HcsWaitForOperationResultAndProcessInfo", op, 0, info.arg(), 0), 0, "result, without waiting")
	equal(c, value(core, "HcsGetProcessFromOperation", op), proc.h, "process of the operation")
	value(core, "HcsCloseOperation", op)
	equal(c, info.pid, 4711, "pid")
	pumpStreams(c, &info)
	value(core, "HcsCloseProcess", proc.h)
	value(core, "HcsCloseComputeSystem", sys)
}

// pumpStreams sends a megabyte through the three streams as hcsshim opens them: overlapped, on a completion port.
func pumpStreams(c *check, info *processInfo) {
	var files [3]io.ReadWriteCloser
	for i, h := range info.std {
		if h == 0 {
			c.fatalf("stream %d is missing", i)
		}
		f, err := winio.NewOpenFile(h)
		c.must(err, "open stream")
		files[i] = f
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		_, _ = files[0].Write(data)
		files[0].Close()
	}()
	type result struct {
		sum [32]byte
		n   int64
		err error
	}
	done := make(chan result, 1)
	go func() {
		h := sha256.New()
		n, err := io.Copy(h, files[1])
		done <- result{[32]byte(h.Sum(nil)), n, err}
	}()
	r := receive(c, done, "copy of stdout")
	c.must(r.err, "read stdout to its end")
	equal(c, r.n, int64(len(data)), "bytes of stdout")
	equal(c, r.sum, sha256.Sum256(data), "hash of stdout")
	errText, err := io.ReadAll(files[2])
	c.must(err, "read stderr to its end")
	equal(c, string(errText), "err", "stderr")
	files[1].Close()
	files[2].Close()
}

// gone ends the case while somebody still serves the pipe.
func gone(c *check, name string) {
	f, err := openPipe(name, windows.GENERIC_WRITE)
	if err == nil {
		f.Close()
	}
	if !os.IsNotExist(errors.Unwrap(err)) {
		c.fatalf("%s is still there: %v", name, err)
	}
}

func processFails(c *check) {
	sys := newSystem(c)
	var pipe string
	c.fake.on("HcsCreateProcess", func(args []string) answer {
		pipe = args[5]
		return refuse(fileNotFound, `{"Error":-2147024894}`)
	})
	proc := newOutHandle()
	var o out
	var info processInfo
	op := newOp(c)
	equal(c, call(core, "HcsCreateProcess", sys, text(allStreams), op, 0, proc.arg()), fileNotFound, "create process")
	equal(c, proc.h, 0, "process handle")
	equal(c, call(core, "HcsGetOperationResultAndProcessInfo", op, info.arg(), o.arg()), fileNotFound, "result")
	equal(c, o.take(), `{"Error":-2147024894}`, "document")
	equal(c, info.std, [3]windows.Handle{}, "streams")
	gone(c, pipe)
	value(core, "HcsCloseOperation", op)
	value(core, "HcsCloseComputeSystem", sys)
}

func processInformation(c *check) {
	sys := newSystem(c)
	var names []string
	c.fake.on("HcsCreateProcess", func(args []string) answer {
		names = args[4:7]
		return ok("4711")
	})
	c.fake.always("HcsGetProcessInfo", ok("4711"))
	// A console has no stderr, and the operation is never read: the streams come with HcsGetProcessInfo, once.
	proc := newOutHandle()
	op := newOp(c)
	params := strings.Replace(allStreams, "{", `{"EmulateConsole":true,`, 1)
	equal(c, call(core, "HcsCreateProcess", sys, text(params), op, 0, proc.arg()), 0, "create process")
	value(core, "HcsCloseOperation", op)
	equal(c, names[2], "", "pipe of a console's stderr")
	if !strings.HasPrefix(names[0], fmt.Sprintf(`\\.\pipe\hcssim-%d-`, os.Getpid())) || !strings.HasSuffix(names[0], "-in") {
		c.fatalf("stdin pipe is named %s", names[0])
	}
	var info, again processInfo
	get := func(i *processInfo) {
		op := newOp(c)
		equal(c, call(core, "HcsGetProcessInfo", proc.h, op), 0, "get info")
		equal(c, call(core, "HcsWaitForOperationResultAndProcessInfo", op, 5000, i.arg(), 0), 0, "info")
		value(core, "HcsCloseOperation", op)
	}
	get(&info)
	equal(c, info.pid, 4711, "pid")
	if info.std[0] == 0 || info.std[1] == 0 || info.std[2] != 0 {
		c.fatalf("streams %v", info.std)
	}
	get(&again)
	equal(c, again.std, [3]windows.Handle{}, "streams, second time")
	windows.CloseHandle(info.std[0])
	windows.CloseHandle(info.std[1])

	// Exit: event, wait, and a wait that runs out before.
	l, context := listen()
	var o out
	equal(c, call(core, "HcsWaitForProcessExit", proc.h, 50, o.arg()), opTimeout, "wait that runs out")
	equal(c, call(core, "HcsSetProcessCallback", proc.h, 0, context, onEvent), 0, "set callback")
	document := `{"ProcessId":4711,"Exited":true,"ExitCode":7,"LastWaitResult":0}`
	c.fake.event("process", proc.h, document)
	e := receive(c, l.events, "exit")
	equal(c, e.kind, eventProcessExited, "kind")
	equal(c, e.data, document, "data")
	equal(c, call(core, "HcsWaitForProcessExit", proc.h, 0, o.arg()), 0, "wait")
	equal(c, o.take(), document, "document")
	value(core, "HcsCloseProcess", proc.h)

	// Streams that nobody took end with the process handle.
	proc, op = newOutHandle(), newOp(c)
	equal(c, call(core, "HcsCreateProcess", sys, text(allStreams), op, 0, proc.arg()), 0, "create process")
	value(core, "HcsCloseOperation", op)
	value(core, "HcsCloseProcess", proc.h)
	time.Sleep(20 * time.Millisecond)
	gone(c, names[1])
	value(core, "HcsCloseComputeSystem", sys)
}

func serviceLost(c *check) {
	sys := newSystem(c)
	l, context := listen()
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 0, context, onEvent), 0, "set callback")
	release := c.fake.hold("HcsStartComputeSystem", ok())
	defer release()
	op := newOp(c)
	equal(c, call(core, "HcsStartComputeSystem", sys, op, 0), 0, "start")
	c.fake.await(c, "HcsStartComputeSystem")
	exit := make(chan uint32, 1)
	go func() { exit <- call(core, "HcsWaitForComputeSystemExit", sys, 0xffffffff, 0) }()
	c.fake.stop()
	code, _ := wait(op)
	equal(c, code, disconnect, "pending operation")
	equal(c, receive(c, l.events, "event").kind, eventDisconnect, "event")
	equal(c, receive(c, exit, "exit wait"), disconnect, "exit wait")
	none(c, l.events, "second event")
	op = newOp(c)
	equal(c, call(core, "HcsStartComputeSystem", sys, op, 0), disconnect, "later call")
	value(core, "HcsCloseOperation", op)
	start := time.Now()
	var o out
	equal(c, call(core, "HcsGetServiceProperties", text("{}"), o.arg()), disconnect, "later call without a handle")
	if d := time.Since(start); d > 3*time.Second {
		c.fatalf("that took %v", d)
	}
	// A service that comes back is used again; the old handle stays dead.
	c.fake.listen()
	other := newSystem(c)
	equal(c, call(core, "HcsWaitForComputeSystemExit", sys, 0, 0), disconnect, "the old handle")
	value(core, "HcsCloseComputeSystem", other)
	value(core, "HcsCloseComputeSystem", sys)
}

func serviceRestarts(c *check) {
	sys := newSystem(c)
	l, context := listen()
	equal(c, call(core, "HcsSetComputeSystemCallback", sys, 0, context, onEvent), 0, "set callback")
	release := c.fake.hold("HcsStartComputeSystem", ok())
	op := newOp(c)
	equal(c, call(core, "HcsStartComputeSystem", sys, op, 0), 0, "start")
	c.fake.await(c, "HcsStartComputeSystem")
	c.fake.event("service", 0, "")
	code, _ := wait(op)
	equal(c, code, disconnect, "pending operation")
	equal(c, receive(c, l.events, "event").kind, eventDisconnect, "event")
	release() // an answer that nobody waits for any more
	hellos := c.fake.count("Hello")
	other := newSystem(c)
	equal(c, c.fake.count("Hello"), hellos, "connections")
	op = newOp(c)
	equal(c, call(core, "HcsStartComputeSystem", sys, op, 0), disconnect, "later call on the old handle")
	value(core, "HcsCloseOperation", op)
	value(core, "HcsCloseComputeSystem", other)
	value(core, "HcsCloseComputeSystem", sys)
}

// serviceRefused runs in a process that never had a connection.
func serviceRefused(c *check) {
	c.must(os.Rename(addressFile, addressFile+".away"), "hide the address")
	time.AfterFunc(700*time.Millisecond, func() { _ = os.Rename(addressFile+".away", addressFile) })
	equal(c, runChild(c, nil, "enumerate"), "0x0 []", "a service that comes a little later")
	c.must(os.Rename(addressFile, addressFile+".away"), "hide the address")
	defer func() { _ = os.Rename(addressFile+".away", addressFile) }()
	start := time.Now()
	equal(c, runChild(c, nil, "enumerate"), "0x80370114 []", "no service")
	if d := time.Since(start); d > 4500*time.Millisecond {
		c.fatalf("to find no service took %v", d)
	}
}
