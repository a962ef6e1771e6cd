//go:build linux

package main

import (
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var runCases = []Case{
	script.Short("run/exit-codes", 0, exitCodes),
	script.Short("run/both-outputs", 0, bothOutputs),
	script.Short("run/environment-directory-user-host-name", 0, environment),
	script.Short("run/entrypoint", 0, entrypoint),
	script.Long("run/command-line-as-it-is", 0, commandLine),
	script.Short("run/no-such-program", 0, noProgram),
	script.Short("run/removed-when-it-ends", 0, autoRemoved),
	script.Short("run/started-again", 0, startedAgain),
	script.Long("run/what-was-written-stays", 0, writtenStays),
	script.Long("run/name-is-free-again", 0, nameFree),
}

// exitCodes: all of a code's 32 bits reach the client.
func exitCodes(t *T) {
	for code, want := range map[string]int64{"0": 0, "7": 7, "256": 256, "0xC000013A": 0xC000013A, "0xFFFFFFFF": 0xFFFFFFFF} {
		b := t.run(with("exit", code))
		b.endsWith(want)
		s := b.inspect().State
		t.Want(int64(s.ExitCode) == want && s.Status == container.StateExited, "inspect tells %s with code %d, want %d", s.Status, s.ExitCode, want)
	}
}

func bothOutputs(t *T) {
	b := t.run(with("print", "to", "stdout", "--", "err", "to", "stderr"))
	b.endsWith(0)
	out, bad := b.streams()
	t.Want(out == "to stdout\n" && bad == "to stderr\n", "stdout %q, stderr %q", out, bad)
}

func environment(t *T) {
	b := t.run(with("env", "COLOUR", "--", "pwd", "--", "hostname", "--", "env", "USERNAME"), func(s *spec) {
		s.Env, s.WorkingDir, s.User, s.Hostname = []string{"COLOUR=blue green"}, `C:\Windows`, "ContainerUser", "host-of-docker"
	})
	b.endsWith(0)
	out, _ := b.streams()
	want := "blue green\n" + `C:\Windows` + "\nhost-of-docker\nContainerUser\n"
	t.Want(out == want, "it says %q, want %q", out, want)
}

func entrypoint(t *T) {
	b := t.run(func(s *spec) {
		s.Entrypoint, s.Cmd = []string{"winapp.exe", "print"}, []string{"from the", `"entry point"`}
	})
	b.endsWith(0)
	out, _ := b.streams()
	t.Want(out == `from the "entry point"`+"\n", "it says %q", out)
}

// commandLine: the shell form of an image's command is one line, which nobody may quote again.
func commandLine(t *T) {
	b := t.run(func(s *spec) {
		s.Entrypoint, s.Cmd, s.ArgsEscaped = []string{`winapp.exe print "one word"  two`}, nil, true
	})
	b.endsWith(0)
	out, _ := b.streams()
	t.Want(out == "one word two\n", "it says %q", out)
}

// noProgram: the engine tells a command that is not there from other failures by the words of Windows, and gives it code 127.
func noProgram(t *T) {
	b := t.create(func(s *spec) { s.Cmd = []string{"no-such-program.exe", "-x"} })
	_, err := t.engine.ContainerStart(t.Ctx, b.id, client.ContainerStartOptions{})
	t.Want(err != nil && strings.Contains(err.Error(), "no-such-program.exe"), "start: %v, want an error that names the program", err)
	s := b.inspect().State
	t.Want(s.ExitCode == 127, "the code is %d, want 127; %s", s.ExitCode, s.Error)
}

func autoRemoved(t *T) {
	b := t.create(with("print", "x"), func(s *spec) { s.AutoRemove = true })
	w := t.engine.ContainerWait(t.Ctx, b.id, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	b.start()
	select {
	case r := <-w.Result:
		t.Want(r.StatusCode == 0, "it ended with %d", r.StatusCode)
	case err := <-w.Error:
		t.Must(err, "wait for the removal")
	}
	_, err := t.engine.ContainerInspect(t.Ctx, b.id, client.ContainerInspectOptions{})
	t.Refused(err, errdefs.IsNotFound, "not found", "inspect of the removed container")
}

// startedAgain: a second start mounts the same scratch layer again (hcsshim#2553).
func startedAgain(t *T) {
	b := t.create(with("append", `C:\count.txt`, "again", "--", "type", `C:\count.txt`))
	for i := range 5 {
		b.start()
		b.endsWith(0)
		out, _ := b.streams()
		want := (i + 1) * (i + 2) / 2
		t.Want(strings.Count(out, "again") == want, "after %d starts it has said %q, want the word %d times", i+1, out, want)
	}
}

func writtenStays(t *T) {
	b := t.create(with("append", `C:\kept.txt`, "kept", "--", "ls", `C:\`))
	b.start()
	b.endsWith(0)
	b.start()
	b.endsWith(0)
	out, _ := b.streams()
	t.Want(slices.Contains(strings.Fields(out), "kept.txt"), "C:\\ has %q", out)
}

func nameFree(t *T) {
	name := t.ID()
	for range 3 {
		made, err := t.engine.ContainerCreate(t.Ctx, client.ContainerCreateOptions{
			Name: name, Config: &container.Config{Image: t.image(winapp), Cmd: []string{"winapp.exe", "ignore"}},
			HostConfig: &container.HostConfig{Runtime: t.o.runtime, NetworkMode: "none"},
		})
		t.Must(err, "create")
		b := &Box{t, made.ID, name}
		t.Later(b.removed)
		b.start()
		b.says("ignoring")
		t.Must(b.removed(t.Ctx), "rm -f of a running container")
	}
	_, err := t.engine.ContainerInspect(t.Ctx, name, client.ContainerInspectOptions{})
	t.Refused(err, errdefs.IsNotFound, "not found", "inspect of the removed container")
}
