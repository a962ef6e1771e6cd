package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"containerd-shim-hcs/hcs/schema"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var specCases = []Case{
	{Name: "spec/hostname", Run: hostname},
	{Name: "spec/environment", Run: environment},
	{Name: "spec/large-environment", Run: largeEnvironment},
	{Name: "spec/long-command-line", Run: longCommand},
	{Name: "spec/arguments-arrive-as-given", Run: arguments},
	{Name: "spec/command-line-wins-over-arguments", Run: commandLine},
	{Name: "spec/memory-limit", Run: memoryLimit},
	{Name: "spec/processor-limits", Run: processorLimits},
	{Name: "spec/unknown-user-refused", Run: unknownUser},
	{Name: "spec/missing-working-directory-refused", Run: missingCwd},
	{Name: "spec/missing-program-refused", Run: missingProgram},
	{Name: "spec/mount-of-a-directory", Run: bindMount},
	{Name: "spec/bad-annotation-refused-by-name", Run: badAnnotation},
}

// editSpec changes the stored spec of a container that has no task.
func (b *Box) editSpec(e edit) error {
	s, err := b.c.Spec(b.t.Ctx)
	if err != nil {
		return err
	}
	e(s)
	return b.c.Update(b.t.Ctx, func(_ context.Context, _ *containerd.Client, c *containers.Container) error {
		a, err := typeurl.MarshalAny(s)
		c.Spec = a
		return err
	})
}

func hostname(t *T) {
	b := t.runWith(streams{}, app("hostname", "--", "exit", "2"), func(s *specs.Spec) { s.Hostname = "box-of-conform" })
	o := b.finish()
	t.Want(o.code == 2, "exit code %d, stderr %q", o.code, clip(o.err))
	t.Want(strings.EqualFold(lines(o.out), "box-of-conform"), "hostname %q", clip(o.out))
}

func environment(t *T) {
	vars := []string{"CONFORM_A=one", "CONFORM_B=with space and = and ;", "CONFORM_Ü=ünïcödé"}
	b := t.runWith(streams{}, app("env", "--", "exit", "2"), func(s *specs.Spec) { s.Process.Env = append(s.Process.Env, vars...) })
	o := b.finish()
	t.Want(o.code == 2, "exit code %d, stderr %q", o.code, clip(o.err))
	for _, v := range vars {
		t.Want(hasLine(o.out, v), "no line %q in the environment %q", v, clip(o.out))
	}
}

func largeEnvironment(t *T) {
	var vars []string
	for i := range 100 {
		vars = append(vars, fmt.Sprintf("CONFORM_%03d=%s", i, strings.Repeat(fmt.Sprint(i%10), 200)))
	}
	b := t.runWith(streams{}, app("env"), func(s *specs.Spec) { s.Process.Env = append(s.Process.Env, vars...) })
	o := b.finish()
	t.Want(o.code == 0, "exit code %d, stderr %q", o.code, clip(o.err))
	for _, v := range vars {
		t.Want(hasLine(o.out, v), "no line %q in the environment", v[:20])
	}
}

// longCommand: a command line may have 32,767 characters.
func longCommand(t *T) {
	long := strings.Repeat("0123456789abcdef", 30000/16)
	t.run("print", long, "--", "exit", "2").expect(2, long, "")
	b := t.host()
	b.run("print", long, "--", "exit", "3").expect(3, long, "")
}

func arguments(t *T) {
	for _, a := range []string{`two words`, `"quoted"`, `back\slash\`, `tail \"`, `%PATH%`, `ünïcödé`, `a&b|c>d`, `*.txt`} {
		t.run("print", a, "--", "exit", "2").expect(2, a, "")
	}
}

func commandLine(t *T) {
	b := t.runWith(streams{}, app("print", "args"), func(s *specs.Spec) {
		s.Process.CommandLine = `C:\app\winapp.exe print "from the command line" -- exit 6`
	})
	b.expect(6, "from the command line", "")
}

// memoryLimit: the machine is told the limit, in whole megabytes. Whether it holds is the machine's promise (Wine keeps none).
func memoryLimit(t *T) {
	limit := uint64(256 << 20)
	b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), func(s *specs.Spec) {
		s.Windows.Resources = &specs.WindowsResources{Memory: &specs.WindowsMemoryResources{Limit: &limit}}
	})
	b.says("up")
	m := t.held(b.id).Memory
	t.Want(m != nil && m.SizeInMB == 256, "the machine was told %+v, want 256 MB", m)
}

func processorLimits(t *T) {
	count, shares, maximum := uint64(1), uint16(500), uint16(5000)
	for _, x := range []struct {
		cpu  specs.WindowsCPUResources
		want schema.Processor
	}{
		{specs.WindowsCPUResources{Count: &count}, schema.Processor{Count: 1}},
		{specs.WindowsCPUResources{Shares: &shares}, schema.Processor{Weight: 500}},
		{specs.WindowsCPUResources{Maximum: &maximum}, schema.Processor{Maximum: 5000}},
	} {
		b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), func(s *specs.Spec) {
			s.Windows.Resources = &specs.WindowsResources{CPU: &x.cpu}
		})
		b.says("up")
		p := t.held(b.id).Processor
		t.Want(p != nil && *p == x.want, "the machine was told %+v, want %+v", p, x.want)
	}
}

// startRefused: the task is created, and its start is an error; the failed task can be deleted.
func startRefused(t *T, what string, args []string, edits ...edit) {
	b := t.container(args, edits...)
	err := b.tryCreate(streams{})
	if err == nil {
		b.watch()
		err = b.p.Start(t.Ctx)
		t.Want(err != nil, "%s: the task was started", what)
		_, err = t.rawDelete(b.id)
		t.Must(err, "%s: delete the task that did not start", what)
	}
	good := t.container(app("print", "works", "--", "exit", "2")).create(streams{})
	good.start()
	good.expect(2, "works", "")
}

func unknownUser(t *T) {
	startRefused(t, "user nobody-knows", app("print", "x"), func(s *specs.Spec) { s.Process.User.Username = "nobody-knows" })
}

func missingCwd(t *T) {
	startRefused(t, "working directory", app("print", "x"), func(s *specs.Spec) { s.Process.Cwd = `C:\no\such\place` })
}

func missingProgram(t *T) {
	startRefused(t, "program", []string{`C:\no\such\program.exe`})
}

// badAnnotation: a value that cannot be understood is an error that names the key; the container does not run with a default.
func badAnnotation(t *T) {
	const key = "io.microsoft.container.memory.sizeinmb"
	b := t.container(app("print", "up", "--", "sleep", "300s"), func(s *specs.Spec) { s.Annotations = map[string]string{key: "abc"} })
	err := b.tryCreate(streams{})
	t.Want(err != nil, "annotation %s=abc was accepted", key)
	t.Want(strings.Contains(err.Error(), key), "the error does not name %s: %v", key, err)
	t.Must(b.editSpec(func(s *specs.Spec) { s.Annotations[key] = "512" }), "correct the annotation")
	b.create(streams{}).start()
	b.says("up")
	m := t.held(b.id).Memory
	t.Want(m != nil && m.SizeInMB == 512, "the machine was told %+v, want 512 MB", m)
}

// bindMount: a directory of the host appears in the container; through a read-only mount nothing can be written.
func bindMount(t *T) {
	dir, err := os.MkdirTemp("", "conform")
	t.Must(err, "temporary directory")
	t.Later(func(context.Context) error { return os.RemoveAll(dir) })
	t.Must(os.WriteFile(filepath.Join(dir, "host.txt"), []byte("from the host\n"), 0o644), "write a file")
	b := t.runWith(streams{}, app("print", "up", "--", "sleep", "300s"), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts,
			specs.Mount{Source: dir, Destination: `C:\shared`, Options: []string{"rw"}},
			specs.Mount{Source: dir, Destination: `C:\readonly`, Options: []string{"ro"}})
	})
	b.says("up")
	b.run("type", `C:\shared\host.txt`, "--", "type", `C:\readonly\host.txt`).expect(0, "from the host\nfrom the host", "")
	b.run("write", `C:\shared\guest.txt`, "from", "the", "guest").expect(0, "", "")
	got, err := os.ReadFile(filepath.Join(dir, "guest.txt"))
	t.Must(err, "read what the container wrote")
	t.Want(lines(string(got)) == "from the guest", "the host reads %q", got)
	o := b.run("write", `C:\readonly\no.txt`, "x").finish()
	t.Want(o.code != 0, "a file was written through the read-only mount")
}
