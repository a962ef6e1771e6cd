package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// volume makes a container's volume with a few files.
func volume(c *check) (root string, env []string) {
	root = scratch(c) + `\volume`
	put(c, root+`\app\only.txt`, "in the container")
	put(c, root+`\hcssim-host.txt`, "the container's")
	put(c, `C:\hcssim-host.txt`, "the host's")
	put(c, `C:\hcssim-hostdir\host.txt`, "below the host's")
	return root, []string{"HCSSIM_ROOT=" + root}
}

const (
	noFile   = "error: The system cannot find the file specified."
	noPath   = "error: The system cannot find the path specified."
	noAccess = "error: Access is denied."
)

// absent ends the case when there is such a file on the host.
func absent(c *check, path string) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		c.fatalf("%s is on the host", path)
	}
}

func viewRead(c *check) {
	_, env := volume(c)
	for path, want := range map[string]string{
		`C:\app\only.txt`:     "in the container",
		`c:\APP\Only.TXT`:     "in the container",
		`\\?\C:\app\only.txt`: "in the container",
		`/app/only.txt`:       "in the container",
		`C:\hcssim-host.txt`:  "the container's",
		// not in the container's volume: the base image's, that is the host's
		`C:\hcssim-hostdir\host.txt`:                             "below the host's",
		`C:\app\none.txt`:                                        noFile,
		`C:\none\none.txt`:                                       noPath,
		`C:\hcssim\selftest\volume\app\only.txt`:                 "in the container",
		`\\?\Volume{00000000-0000-0000-0000-000000000043}\x.txt`: noFile,
	} {
		equal(c, runChild(c, env, "read", path), want, "read "+path)
	}
	equal(c, runChild(c, nil, "read", `C:\hcssim-host.txt`), "the host's", "read without a view")
	long := `C:\app\` + strings.Repeat(strings.Repeat("d", 60)+`\`, 12)
	equal(c, runChild(c, nil, "mkdir", `C:\hcssim\selftest\`+long[3:]), "", "make a long path on the host")
	equal(c, runChild(c, env, "mkdir", long), "", "make a long path")
	equal(c, runChild(c, env, "write", long+"file", "far down"), "", "write below a long path")
	equal(c, runChild(c, env, "read", long+"file"), "far down", "read below a long path")
	absent(c, `C:\app`)
}

func viewWrite(c *check) {
	root, env := volume(c)
	equal(c, runChild(c, env, "write", `C:\app\new.txt`, "new"), "", "write")
	equal(c, content(c, root+`\app\new.txt`), "new", "file in the volume")
	equal(c, runChild(c, env, "mkdir", `C:\made\deep`), "", "make directories")
	equal(c, runChild(c, env, "write", `C:\made\deep\f`, "x"), "", "write into them")
	equal(c, content(c, root+`\made\deep\f`), "x", "file in the volume")
	absent(c, `C:\app`)
	absent(c, `C:\made`)
	// The host's file is neither changed nor deleted, the container's is.
	equal(c, runChild(c, env, "append", `C:\hcssim-host.txt`, "+"), "", "append")
	equal(c, content(c, root+`\hcssim-host.txt`), "the container's+", "container's file")
	equal(c, runChild(c, env, "delete", `C:\hcssim-host.txt`), "", "delete")
	equal(c, runChild(c, env, "delete", `C:\hcssim-host.txt`), noFile, "delete what only the host has")
	equal(c, content(c, `C:\hcssim-host.txt`), "the host's", "host's file")
	equal(c, runChild(c, env, "remove", `C:\made`), "", "remove all")
	absent(c, root+`\made`)
	// Where the volume has no such directory, the host's serves.
	equal(c, runChild(c, env, "write", `C:\hcssim-hostdir\w`, "x"), "", "write where only the host has the directory")
	equal(c, content(c, `C:\hcssim-hostdir\w`), "x", "file on the host")
	c.must(os.Remove(`C:\hcssim-hostdir\w`), "remove")
}

func viewRename(c *check) {
	root, env := volume(c)
	equal(c, runChild(c, env, "rename", `C:\app\only.txt`, `C:\moved.txt`), "", "rename")
	equal(c, content(c, root+`\moved.txt`), "in the container", "renamed file")
	absent(c, root+`\app\only.txt`)
	absent(c, `C:\moved.txt`)
	equal(c, runChild(c, env, "link", `C:\moved.txt`, `C:\app\linked.txt`), "", "link")
	equal(c, content(c, root+`\app\linked.txt`), "in the container", "linked file")
	equal(c, runChild(c, env, "rename", `C:\app`, `C:\app2`), "", "rename a directory")
	equal(c, content(c, root+`\app2\linked.txt`), "in the container", "file of the renamed directory")
	absent(c, `C:\app2`)
	// Renaming works on the host too, as the hook stands in front of it there as well.
	put(c, root+`\x`, "x")
	c.must(os.Rename(root+`\x`, root+`\y`), "rename on the host")
	equal(c, content(c, root+`\y`), "x", "renamed on the host")
}

func viewList(c *check) {
	root, env := volume(c)
	equal(c, runChild(c, env, "list", `C:\`), "app hcssim-host.txt", "list of the root")
	equal(c, runChild(c, env, "list", `C:\app`), "only.txt", "list")
	equal(c, runChild(c, env, "stat", `C:\app`), "true", "stat")
	equal(c, runChild(c, append(env, `HCSSIM_CWD=C:\app`), "cwd", "only.txt"), `C:\app in the container`, "working directory")
	_ = root
}

func viewMounts(c *check) {
	_, env := volume(c)
	host := `C:\hcssim\selftest\mount`
	put(c, host+`\data\f.txt`, "mounted")
	put(c, host+`\inner\f.txt`, "mounted inside")
	put(c, host+`\inner\sub\g.txt`, "mounted deep inside")
	byVolume := `\\?\Volume{00000000-0000-0000-0000-000000000043}\hcssim\selftest\mount\inner\`
	env = append(env, `HCSSIM_MOUNTS=C:\m>`+host+`\data|-C:\m\in>`+byVolume+`|D:\e>`+host+`\data`)
	for path, want := range map[string]string{
		`C:\m\f.txt`:        "mounted",
		`c:\M\F.txt`:        "mounted",
		`/m/f.txt`:          "mounted",
		`C:\m\in\f.txt`:     "mounted inside",
		`C:\m\in\sub\g.txt`: "mounted deep inside",
		`D:\e\f.txt`:        "mounted",
		`C:\mm\f.txt`:       noPath,
		`C:\app\only.txt`:   "in the container",
	} {
		equal(c, runChild(c, env, "read", path), want, "read "+path)
	}
	equal(c, runChild(c, env, "list", `C:\m`), "f.txt", "list of the mount")
	equal(c, runChild(c, env, "list", `C:\m\in`), "f.txt sub", "list of the inner mount")
	equal(c, runChild(c, env, "write", `C:\m\new`, "x"), "", "write")
	equal(c, content(c, host+`\data\new`), "x", "file on the host")
	for _, action := range [][]string{
		{"write", `C:\m\in\new`, "x"},
		{"write", `C:\m\in\f.txt`, "x"},
		{"append", `C:\m\in\f.txt`, "x"},
		{"mkdir", `C:\m\in\d`},
		{"delete", `C:\m\in\f.txt`},
		{"remove", `C:\m\in\sub`},
		{"chtimes", `C:\m\in\f.txt`},
		{"rename", `C:\m\in\f.txt`, `C:\m\f2`},
		{"rename", `C:\m\f.txt`, `C:\m\in\f2`},
		{"link", `C:\m\f.txt`, `C:\m\in\f2`},
	} {
		equal(c, runChild(c, env, action[0], action[1:]...), noAccess, strings.Join(action, " "))
	}
	equal(c, content(c, host+`\inner\f.txt`), "mounted inside", "read-only file")
}

// viewFileMounts: a single file of the host, as a kubelet mounts the termination log.
func viewFileMounts(c *check) {
	root, env := volume(c)
	host := `C:\hcssim\selftest\mount`
	put(c, host+`\log`, "before")
	put(c, host+`\config`, "key=value")
	put(c, root+`\dev\log`, "") // the service makes the places
	env = append(env, `HCSSIM_MOUNTS=C:\dev\log>`+host+`\log|-C:\app\config>`+host+`\config`)
	equal(c, runChild(c, env, "read", `C:\dev\log`), "before", "read")
	equal(c, runChild(c, env, "read", `/dev/log`), "before", "read by a path of Unix")
	equal(c, runChild(c, env, "append", `C:\DEV\Log`, " and after"), "", "append")
	equal(c, content(c, host+`\log`), "before and after", "appended on the host")
	equal(c, runChild(c, env, "write", `C:\dev\log`, "new"), "", "write")
	equal(c, content(c, host+`\log`), "new", "written on the host")
	equal(c, runChild(c, env, "list", `C:\dev`), "log", "list")
	equal(c, runChild(c, env, "stat", `C:\dev\log`), "false", "stat")
	equal(c, runChild(c, env, "read", `C:\app\config`), "key=value", "read a read-only file")
	equal(c, runChild(c, env, "read", `C:\app\only.txt`), "in the container", "read beside it")
	equal(c, runChild(c, env, "read", `C:\app\config2`), noFile, "read a name that begins so")
	for _, action := range [][]string{{"write", `C:\app\config`, "x"}, {"append", `C:\app\config`, "x"}, {"delete", `C:\app\config`}} {
		equal(c, runChild(c, env, action[0], action[1:]...), noAccess, strings.Join(action, " "))
	}
	equal(c, content(c, host+`\config`), "key=value", "read-only file")
	equal(c, content(c, root+`\dev\log`), "", "the place in the volume")
}

func viewPipes(c *check) {
	_, env := volume(c)
	l, err := winio.ListenPipe(`\\.\pipe\hcssim-selftest-host`, nil)
	c.must(err, "listen")
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("host's pipe"))
		conn.Close()
	}()
	env = append(env, `HCSSIM_PIPES=other>\\.\pipe\none|guest>\\.\pipe\hcssim-selftest-host`)
	equal(c, runChild(c, env, "dial", `\\.\pipe\guest`), "host's pipe", "dial")
	equal(c, runChild(c, env, "dial", `\\.\pipe\guest2`), noFile, "dial of another name")
}

func viewStart(c *check) {
	root, env := volume(c)
	self, err := os.Executable()
	c.must(err, "own path")
	exe, err := os.ReadFile(self)
	c.must(err, "own program")
	c.must(os.WriteFile(root+`\app\tool.exe`, exe, 0o755), "program in the volume")
	env = append(env, `HCSSIM_CWD=C:\app`)
	tool := `C:\app\tool.exe`
	equal(c, runChild(c, env, "exec", tool, `C:\app`, "cwd", "only.txt"), `C:\app in the container`, "program and directory of the volume")
	equal(c, runChild(c, env, "exec", tool, "", "cwd", "only.txt"), `C:\app in the container`, "the parent's directory")
	equal(c, runChild(c, env, "exec", tool, `C:\windows`, "cwd", "none"), noFile, "directory of the host")
	equal(c, runChild(c, env, "exec", self, `C:\app`, "cwd", "only.txt"), `C:\app in the container`, "program of the host")
	equal(c, runChild(c, env, "exec", tool, `C:\app`, "env"), "HCSSIM_ROOT OTHER", "environment")
	equal(c, runChild(c, env, "exec", tool, `C:\app`, "exec", tool, `C:\`, "read", `C:\app\only.txt`), "in the container", "a grandchild")
	equal(c, runChild(c, env, "exec", `C:\app\none.exe`, "", "env"), noFile, "no program")
	// A program that is not Go's, and what it starts.
	equal(c, shell(c, env, `type only.txt`), "in the container", "a file for cmd")
	equal(c, shell(c, env, `cd`), `C:\app`, "cmd's directory")
	equal(c, shell(c, env, `tool.exe child read C:\app\only.txt`), "in the container", "a program for cmd")
	equal(c, shell(c, env, `echo made by cmd>C:\new.txt&type C:\new.txt`), "made by cmd", "a file of cmd's")
	equal(c, strings.TrimSpace(content(c, root+`\new.txt`)), "made by cmd", "the same in the volume")
	absent(c, `C:\new.txt`)
}

// shell runs a command line with cmd.exe in the container, without a console, as the service starts processes.
func shell(c *check, env []string, line string) string {
	cmd := exec.Command(`C:\windows\system32\cmd.exe`)
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /c ` + line, CreationFlags: windows.DETACHED_PROCESS}
	cmd.Dir = `C:\windows`
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		c.fatalf("cmd /c %s: %v: %s", line, err, output)
	}
	return strings.TrimSpace(string(output))
}

// running is a child that has said that it is ready.
type running struct{ cmd *exec.Cmd }

func startChild(c *check, env []string, action string, args ...string) *running {
	self, err := os.Executable()
	c.must(err, "own path")
	cmd := exec.Command(self, append([]string{"child", action}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	c.must(err, "stdout")
	c.must(cmd.Start(), "start child")
	line, err := bufio.NewReader(out).ReadString('\n')
	c.must(err, "child's first line")
	equal(c, strings.TrimSpace(line), "ready", "child's first line")
	return &running{cmd}
}

func (r *running) end() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// control sends a console control event the way the service does: a thread in the process that runs kernel32's CtrlRoutine.
func (r *running) control(c *check, event uintptr) {
	h, err := windows.OpenProcess(windows.PROCESS_ALL_ACCESS, false, uint32(r.cmd.Process.Pid))
	c.must(err, "open child")
	defer windows.CloseHandle(h)
	routine := kernel32.NewProc("CtrlRoutine").Addr()
	thread, _, err := kernel32.NewProc("CreateRemoteThread").Call(uintptr(h), 0, 0, routine, event, 0, 0)
	if thread == 0 {
		c.fatalf("CreateRemoteThread: %v", err)
	}
	windows.CloseHandle(windows.Handle(thread))
}

// code waits for the end.
func (r *running) code(c *check) uint32 {
	done := make(chan error, 1)
	go func() { done <- r.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(patience):
		r.end()
		c.fatalf("the child did not end")
	}
	return uint32(r.cmd.ProcessState.ExitCode())
}

func viewConsole(c *check) {
	_, env := volume(c)
	const breakEvent, shutdownEvent = 1, 6
	for _, t := range []struct {
		action string
		event  uintptr
		want   uint32
	}{
		{"sleep", breakEvent, 0xC000013A},
		{"sleep", shutdownEvent, 0xC000013A},
		{"interrupt", breakEvent, 7},
	} {
		child := startChild(c, env, t.action)
		child.control(c, t.event)
		equal(c, child.code(c), t.want, fmt.Sprintf("exit code of %s after event %d", t.action, t.event))
	}
}
