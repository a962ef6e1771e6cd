//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/script"
)

// showSession is the one with the docker command.
type showSession struct {
	*script.Session
	*Env
	app string // the image, as it is written
}

const showBound = 2 * time.Minute // of one docker

// showMain is `docker show`: the exit code is 1 when a promise was not kept.
func showMain(o options) int {
	env, err := open(o)
	if err == nil {
		defer env.close()
		s := &showSession{Env: env, app: env.image(winapp), Session: &script.Session{Program: "docker", Bound: showBound}}
		s.Command = func(ctx context.Context, args ...string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, o.docker, args...)
			cmd.Env = append(os.Environ(), "DOCKER_HOST="+env.host)
			return cmd
		}
		if err = s.Run(s.steps()); err != nil {
			err = fmt.Errorf("%w; logs in %s", err, filepath.Join(o.rig, "log"))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docker show:", err)
		return 1
	}
	return 0
}

func (s *showSession) steps() []script.Step {
	return []script.Step{
		{Title: "The engine: an unmodified dockerd.exe on an unmodified containerd.exe, under Wine", Run: s.engineShown},
		{Title: "Run, with exit code, environment, directory, user and host name", Run: s.runShown},
		{Title: "Detached: exec, logs, top, stats", Run: s.detachedShown},
		{Title: "Attach", Run: s.attachShown},
		{Title: "Pause and unpause", Run: s.pauseShown},
		{Title: "A graceful stop, and what the program says when it is told to", Run: s.stopShown},
		{Title: "Kill, restart, and what came in what order", Run: s.eventsShown},
		{Title: "A restart policy", Run: s.policyShown},
		{Title: "A health check", Run: s.healthShown},
		{Title: "A published port", Run: s.portShown},
		{Title: "Volumes, and limits", Run: s.volumeShown},
		{Title: "Two runtimes in one engine: ours, and Microsoft's", Run: s.runtimesShown},
		{Title: "Copy, commit, build", Run: s.buildShown},
		{Title: "Everything is removed", Run: s.endShown},
	}
}

// says is that the log of a container comes to have a text.
func (s *showSession) says(name, text string) {
	s.Waits(text, fmt.Sprintf("%s says %q", name, text), "logs", name)
}

func (s *showSession) engineShown() {
	out := s.Succeeds("version", "--format", "client {{.Client.Version}}, engine {{.Server.Version}} for {{.Server.Os}}/{{.Server.Arch}}")
	s.Check(strings.Contains(out, "windows/amd64"), "the engine is one for Windows")
	out = s.Succeeds("info", "--format", "{{.OperatingSystem}}; isolation {{.Isolation}}; images by {{.Driver}}")
	s.Check(strings.Contains(out, "isolation process; images by windows"), "it makes process isolated containers of containerd's snapshots")
	s.Succeeds("pull", "-q", s.image(manyBuilds))
	out = s.Succeeds("image", "inspect", "-f", "{{.OsVersion}}", s.image(manyBuilds))
	s.Check(strings.TrimSpace(out) == hostBuild, "of several builds of Windows in one manifest list, that of the host was pulled")
	s.Succeeds("rmi", "-f", s.image(manyBuilds))
}

func (s *showSession) runShown() {
	out, code := s.Do("run", "--rm", "-e", "COLOUR=green", "-w", `C:\Windows`, "-u", "ContainerUser", "--hostname", "showcase", s.app,
		"winapp.exe", "env", "COLOUR", "USERNAME", "--", "pwd", "--", "hostname", "--", "exit", "7")
	s.Check(out == "green\nContainerUser\nC:\\Windows\nshowcase\n" && code == 7, "all of it is as asked for; exit code %d", code)
	_, code = s.Do("run", "--rm", s.app, "no-such-program.exe")
	s.Check(code == 127, "a program that is not there: exit code %d", code)
}

func (s *showSession) detachedShown() {
	s.Succeeds("run", "-d", "--name", "web", s.app, "winapp.exe", "print", "up", "--", "tick", "1000", "1s")
	s.says("web", "up")
	out := s.Succeeds("inspect", "-f", "{{.HostConfig.Runtime}}", "web")
	s.Check(strings.TrimSpace(out) == "io.containerd.hcs.v1", "its runtime is this shim")
	out, code := s.Do("exec", "web", "winapp.exe", "print", "hello from an exec", "--", "exit", "3")
	s.Check(strings.Contains(out, "hello from an exec") && code == 3, "the exec prints, and ends with %d", code)
	out, code = s.DoWith("typed in\n", "exec", "-i", "web", "winapp.exe", "cat")
	s.Check(out == "typed in\n" && code == 0, "it reads what is typed")
	follow, end := s.Beside("", "logs", "-f", "--tail", "1", "web")
	s.Check(follow.Until("\n", 10*time.Second), "the log is followed")
	end(3 * time.Second)
	s.Print(follow.String())
	out = s.Succeeds("top", "web")
	s.Check(strings.Contains(out, "winapp.exe"), "its process is shown")
	out = s.Succeeds("stats", "--no-stream", "--format", "{{.Name}}: CPU {{.CPUPerc}}, memory {{.MemUsage}}, network {{.NetIO}}, block {{.BlockIO}}", "web")
	s.Check(strings.Contains(out, "MiB"), "its memory is counted")
	s.Succeeds("rm", "-f", "web")
}

func (s *showSession) attachShown() {
	s.Succeeds("run", "-d", "-i", "--name", "talker", s.app, "winapp.exe", "serve-lines")
	s.says("talker", "ready")
	out, end := s.Beside("hello\n", "attach", "--sig-proxy=false", "talker")
	answered := out.Until("got: hello", 20*time.Second)
	end(0)
	s.Print(out.String())
	s.Check(answered, "the running program answers what is typed")
	s.Succeeds("rm", "-f", "talker")
}

func (s *showSession) pauseShown() {
	s.Succeeds("run", "-d", "--name", "ticks", s.app, "winapp.exe", "tick", "1000", "200ms")
	s.says("ticks", "2\n")
	s.Succeeds("pause", "ticks")
	s.Succeeds("ps", "--format", "{{.Names}}: {{.Status}}")
	time.Sleep(500 * time.Millisecond)
	before, _ := s.Do("logs", "--tail", "1", "ticks")
	time.Sleep(2 * time.Second)
	after, _ := s.Do("logs", "--tail", "1", "ticks")
	s.Check(before == after, "it stands still")
	s.Succeeds("unpause", "ticks")
	time.Sleep(time.Second)
	after, _ = s.Do("logs", "--tail", "1", "ticks")
	s.Check(before != after, "and goes on")
	s.Succeeds("rm", "-f", "ticks")
}

func (s *showSession) stopShown() {
	s.Succeeds("run", "-d", "--name", "polite", s.app, "winapp.exe", "trap", "after", "2s", "exit", "4")
	s.says("polite", "trapping")
	s.Succeeds("stop", "-t", "20", "polite")
	out := s.Succeeds("logs", "polite")
	s.Check(strings.Contains(out, "CtrlShutdown"), "the event is in the log")
	out = s.Succeeds("wait", "polite")
	s.Check(strings.TrimSpace(out) == "4", "it ended with its own code")
	s.Succeeds("rm", "polite")
}

func (s *showSession) eventsShown() {
	since := time.Now()
	s.Succeeds("run", "-d", "--name", "again", s.app, "winapp.exe", "trap", "exit", "2")
	s.says("again", "trapping")
	s.Succeeds("restart", "-t", "20", "again")
	s.Succeeds("kill", "again")
	s.Succeeds("wait", "again")
	s.Succeeds("rm", "again")
	out := s.Succeeds("events", "--since", since.Format(time.RFC3339), "--until", time.Now().Add(time.Second).Format(time.RFC3339),
		"--filter", "container=again", "--format", "{{.Action}}")
	got := strings.ReplaceAll(strings.Join(strings.Fields(out), " "), "stop die", "die stop") // told by two goroutines of the engine
	s.Check(got == "create start kill die stop start restart kill die destroy", "in order")
}

func (s *showSession) policyShown() {
	s.Succeeds("run", "-d", "--name", "fails", "--restart", "on-failure:3", s.app, "winapp.exe", "exit", "9")
	s.Waits("3 exited 9", "it was tried three times again", "inspect", "-f", "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}", "fails")
	s.Succeeds("rm", "fails")
}

func (s *showSession) healthShown() {
	s.Succeeds("run", "-d", "--name", "checked", "--health-cmd", "unused", "--health-interval", "1s", s.app, "winapp.exe", "sleep", "300s")
	s.Waits("unhealthy", "a check that cannot be run is told", "inspect", "-f", "{{.State.Health.Status}}", "checked")
	s.Succeeds("rm", "-f", "checked")
}

func (s *showSession) portShown() {
	s.Succeeds("run", "-d", "--name", "served", "--network", "nat", "-p", "8080", s.app, "winapp.exe", "serve-http", ":8080", "hello", "from", "a", "container")
	s.says("served", "listening")
	out := strings.TrimSpace(s.Succeeds("port", "served", "8080/tcp"))
	_, port, _ := strings.Cut(out, ":")
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	page := make([]byte, 22)
	r, err := client.Get("http://127.0.0.1:" + port + "/")
	if err == nil {
		_, _ = r.Body.Read(page)
		_ = r.Body.Close()
	}
	s.Check(string(page) == "hello from a container", "GET http://127.0.0.1:%s/ answers %q", port, page)
	s.Succeeds("stats", "--no-stream", "--format", "{{.Name}}: network {{.NetIO}}", "served")
	s.Succeeds("rm", "-f", "served")
}

func (s *showSession) volumeShown() {
	s.Succeeds("volume", "create", "data")
	s.Succeeds("run", "--rm", "-v", `data:C:\data`, s.app, "winapp.exe", "write", `C:\data\kept.txt`, "kept in a volume")
	out := s.Succeeds("run", "--rm", "-v", `data:C:\data:ro`, s.app, "winapp.exe", "type", `C:\data\kept.txt`)
	s.Check(out == "kept in a volume\n", "the next container reads it")
	s.Succeeds("volume", "rm", "data")
	_, code := s.Do("run", "--rm", "--memory", "64m", "--cpus", "1", "--isolation", "process", s.app, "winapp.exe", "alloc", "200M", "10s")
	s.Check(code != 0, "200 MB with a limit of 64 MB: exit code %d", code)
}

func (s *showSession) runtimesShown() {
	for name, runtime := range map[string]string{"ours": "io.containerd.hcs.v1", "the-peers": "io.containerd.runhcs.v1"} {
		s.Succeeds("run", "-d", "--name", name, "--runtime", runtime, s.app, "winapp.exe", "sleep", "300s")
		list, err := s.rig.Programs(node.ShimExe(runtime))
		s.Check(err == nil && len(list) == 1, "%d processes %s run", len(list), node.ShimExe(runtime))
	}
	s.Succeeds("rm", "-f", "ours", "the-peers")
}

func (s *showSession) buildShown() {
	s.Succeeds("create", "--name", "draft", s.app, "winapp.exe", "write", `C:\app\made.txt`, "made in a container")
	s.Succeeds("start", "-a", "draft")
	file := filepath.Join(os.TempDir(), "docker-show-"+s.runID)
	defer os.Remove(file)
	s.Succeeds("cp", "draft:/app/made.txt", file)
	text, err := os.ReadFile(file)
	s.Check(err == nil && string(text) == "made in a container\n", "a file is copied out")
	s.Succeeds("commit", "draft", "committed")
	out := s.Succeeds("run", "--rm", "committed", "winapp.exe", "type", `C:\app\made.txt`)
	s.Check(out == "made in a container\n", "the new image has it")
	s.Succeeds("rm", "draft")
	_, code := s.DoWith("FROM "+s.app+"\nRUN [\"winapp.exe\", \"write\", \"C:\\\\app\\\\built.txt\", \"by the builder\"]\n"+
		"CMD [\"winapp.exe\", \"type\", \"C:\\\\app\\\\built.txt\"]\n", "build", "-t", "built", "-")
	s.Check(code == 0, "three lines of a Dockerfile are built")
	out = s.Succeeds("run", "--rm", "built")
	s.Check(out == "by the builder\n", "and the image does what they say")
	s.Succeeds("rmi", "-f", "committed", "built")
}

func (s *showSession) endShown() {
	out := s.Succeeds("ps", "-aq")
	s.Check(strings.TrimSpace(out) == "", "no container is left")
	left := s.machine.Settle(s.before, time.Minute)
	s.Check(left == "", "nothing is left: no compute system, process, layer, network, endpoint; no file of ours %s", left)
	var shims []int
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		shims = nil
		for _, exe := range []string{"containerd-shim-hcs-v1.exe", "containerd-shim-runhcs-v1.exe"} {
			list, perr := s.rig.Programs(exe)
			shims, err = append(shims, list...), perr
		}
		if len(shims) == 0 {
			break
		}
	}
	s.Check(err == nil && len(shims) == 0, "no shim runs")
}
