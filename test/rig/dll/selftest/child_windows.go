package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Microsoft/go-winio"
)

// runChild runs an action in a process of its own, with more environment, and returns what it says.
func runChild(c *check, env []string, action string, args ...string) string {
	self, err := os.Executable()
	c.must(err, "own path")
	cmd := exec.Command(self, append([]string{"child", action}, args...)...)
	cmd.Dir = `C:\windows` // on drive C:, as a container's process is
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		c.fatalf("child %s %q: %v: %s", action, args, err, output)
	}
	return strings.TrimSpace(string(output))
}

// child does one thing and prints the outcome: its result, or "error:" and the error's last part.
func child(action string, args []string) {
	result, err := act(action, args)
	if err != nil {
		text := err.Error()
		fmt.Println("error:", text[strings.LastIndex(text, ": ")+2:])
		return
	}
	fmt.Println(result)
}

func act(action string, args []string) (string, error) {
	switch action {
	case "enumerate":
		var o out
		op := value(core, "HcsCreateOperation", 0, 0)
		code := call(core, "HcsEnumerateComputeSystems", 0, op)
		if code == 0 {
			code = call(core, "HcsWaitForOperationResult", op, 5000, o.arg())
		}
		return fmt.Sprintf("%#x %s", code, "["+o.take()+"]"), nil
	case "crash": // on a thread that is not Go's, which would make a panic of it
		fmt.Println("ready")
		_, _, err := kernel32.NewProc("CreateThread").Call(0, 0, 0x30, 0, 0, 0)
		time.Sleep(time.Minute)
		return "", err
	case "node":
		return runPart(args[0], args[1]), nil
	case "dial unix":
		return "echoed", throughEcho(args[0], []byte("from another process"))
	case "read":
		b, err := os.ReadFile(args[0])
		return string(b), err
	case "write":
		return "", os.WriteFile(args[0], []byte(args[1]), 0o644)
	case "append":
		f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return "", err
		}
		defer f.Close()
		_, err = f.WriteString(args[1])
		return "", err
	case "mkdir":
		return "", os.MkdirAll(args[0], 0o755)
	case "remove":
		return "", os.RemoveAll(args[0])
	case "delete":
		return "", os.Remove(args[0])
	case "rename":
		return "", os.Rename(args[0], args[1])
	case "link":
		return "", os.Link(args[0], args[1])
	case "chtimes":
		return "", os.Chtimes(args[0], time.Unix(0, 0), time.Unix(0, 0))
	case "stat":
		info, err := os.Stat(args[0])
		if err != nil {
			return "", err
		}
		return fmt.Sprint(info.IsDir()), nil
	case "list":
		entries, err := os.ReadDir(args[0])
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " "), err
	case "cwd":
		dir, err := os.Getwd()
		if err != nil {
			return "", err
		}
		b, err := os.ReadFile(filepath.Join(".", args[0]))
		return dir + " " + string(b), err
	case "exec":
		cmd := exec.Command(args[0], append([]string{"child"}, args[2:]...)...)
		cmd.Dir = args[1]
		cmd.Env = []string{"OTHER=1", "SystemRoot=" + os.Getenv("SystemRoot")}
		b, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(b)), err
	case "env":
		var names []string
		for _, e := range os.Environ() {
			if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "HCSSIM") || name == "OTHER" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return strings.Join(names, " "), nil
	case "serve":
		return "", serve(args[0], args[1], args[2])
	case "ask":
		return ask(args[0], args[1])
	case "ask-plain":
		return askPlain(args[0])
	case "ask-loose":
		return askLoose(args[0])
	case "hostname":
		return hostname()
	case "dial":
		timeout := 5 * time.Second
		conn, err := winio.DialPipe(args[0], &timeout)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		b := make([]byte, 16)
		n, err := conn.Read(b)
		return string(b[:n]), err
	case "sleep":
		fmt.Println("ready")
		time.Sleep(time.Minute)
		return "slept", nil
	case "interrupt":
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, os.Interrupt)
		fmt.Println("ready")
		<-ch
		os.Exit(7)
	}
	return "", fmt.Errorf("no action: %s", action)
}
