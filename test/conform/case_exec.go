package main

import (
	"fmt"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var execCases = []Case{
	{Name: "exec/output-and-exit-code", Run: execOutput},
	{Name: "exec/own-working-directory-and-environment", Run: execOwnSpec},
	{Name: "exec/missing-program-is-an-error-and-deletable", Run: execMissing},
	{Name: "exec/100-in-parallel", Run: execParallel, Limit: 3 * time.Minute},
	{Name: "exec/refused-while-the-task-is-created", Run: execOnCreated},
	{Name: "exec/refused-when-the-task-has-exited", Run: execOnExited},
	{Name: "exec/duplicate-id-refused", Run: execDuplicate},
	{Name: "exec/start-twice-refused", Run: execStartTwice},
	{Name: "exec/ends-with-the-init", Run: execEndsWithInit},
}

func execOutput(t *T) {
	b := t.host()
	p := b.run("print", "in-exec", "--", "err", "bad", "--", "exit", "11")
	o := p.expect(11, "in-exec", "bad")
	s, err := p.p.Delete(t.Ctx)
	t.Must(err, "delete exec")
	t.Want(s.ExitCode() == 11 && s.ExitTime().Equal(o.at), "delete told %d at %v, wait %d at %v", s.ExitCode(), s.ExitTime(), o.code, o.at)
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after its exec", t.status(b.id, ""))
}

func execOwnSpec(t *T) {
	b := t.host()
	p := b.exec(streams{}, app("pwd", "--", "env"), func(s *specs.Process) {
		s.Cwd = `C:\Windows`
		s.Env = append(s.Env, "CONFORM_EXEC=yes it is")
	})
	p.start()
	o := p.finish()
	t.Want(o.code == 0, "exit code %d, stderr %q", o.code, clip(o.err))
	t.Want(hasLine(o.out, `C:\Windows`), "no line with the working directory in %q", clip(o.out))
	t.Want(hasLine(o.out, "CONFORM_EXEC=yes it is"), "no line with the variable in %q", clip(o.out))
}

func execMissing(t *T) {
	b := t.host()
	p := b.exec(streams{}, []string{`C:\no\such\program.exe`})
	p.watch()
	err := p.p.Start(t.Ctx)
	t.Want(err != nil, "start of a missing program is no error")
	_, err = p.p.Delete(t.Ctx)
	t.Must(err, "delete the exec that did not start")
	b.run("print", "still-works").expect(0, "still-works", "")
	t.Want(t.status(b.id, "") == containerd.Running, "the task is %q after it", t.status(b.id, ""))
}

func execParallel(t *T) {
	b := t.host()
	t.Each(100, func(i int) {
		text := fmt.Sprintf("number-%d", i)
		p := b.run("print", text, "--", "exit", fmt.Sprint(100+i))
		p.expect(uint32(100+i), text, "")
		_, err := p.p.Delete(t.Ctx)
		t.Must(err, "delete exec %d", i)
	})
	b.run("print", "after").expect(0, "after", "")
}

func execOnCreated(t *T) {
	b := t.container(app("print", "started", "--", "exit", "3")).create(streams{})
	p, err := b.tryExec(t.ID(), streams{}, app("print", "x"))
	if err == nil { // a shim may take the exec and refuse its start
		p.watch()
		err = p.p.Start(t.Ctx)
	}
	t.Refused(err, errdefs.IsFailedPrecondition, "failed precondition", "exec in a created task")
	b.start()
	b.expect(3, "started", "")
}

func execOnExited(t *T) {
	b := t.run("print", "x", "--", "exit", "3")
	b.expect(3, "x", "")
	p, err := b.tryExec(t.ID(), streams{}, app("print", "x"))
	if err == nil {
		p.watch()
		err = p.p.Start(t.Ctx)
	}
	t.Want(err != nil, "exec in an exited task is no error")
}

func execDuplicate(t *T) {
	b := t.host()
	p := b.run("print", "first", "--", "sleep", "60s")
	p.says("first")
	_, err := b.tryExec(p.id, streams{names: [3]string{"", `\\.\pipe\conform-` + p.id + `-2o`, `\\.\pipe\conform-` + p.id + `-2e`}}, app("print", "x"))
	t.Refused(err, errdefs.IsAlreadyExists, "already exists", "second exec with id %s", p.id)
	t.Want(t.status(b.id, p.id) == containerd.Running, "the first exec is %q after the refusal", t.status(b.id, p.id))
}

func execStartTwice(t *T) {
	b := t.host()
	p := b.gatedExec("5")
	t.Refused(p.p.Start(t.Ctx), errdefs.IsFailedPrecondition, "failed precondition", "second start of an exec")
	p.release()
	p.expect(5, "up", "")
}

// execEndsWithInit: when the init ends, its container ends, and with it every exec.
func execEndsWithInit(t *T) {
	b := t.gated("2")
	p := b.run("print", "exec", "--", "sleep", "300s")
	p.says("exec")
	b.release()
	b.expect(2, "up", "")
	p.exited()
	t.Want(t.status(b.id, p.id) == containerd.Stopped, "the exec is %q after its container ended", t.status(b.id, p.id))
	b.remove()
}
