package main

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var imageCases = []Case{
	{Name: "image/sees-every-layer", Run: layers},
	{Name: "image/upper-layer-wins", Run: override},
	{Name: "image/exec-sees-the-same-files", Run: execLayers},
	{Name: "image/writes-stay-in-their-container", Run: writesApart},
	{Name: "image/writes-last-over-a-restart", Run: writesLast},
	{Name: "image/program-found-through-its-path", Run: findProgram},
	{Name: "image/working-directory-of-the-image", Run: imageCwd},
}

func layers(t *T) {
	b := t.run("type", `C:\base.txt`, "--", "type", `C:\app\hello.txt`, "--", "ls", `C:\app`)
	o := b.finish()
	t.Want(o.code == 0, "exit code %d, stderr %q", o.code, clip(o.err))
	for _, l := range []string{"from the base layer", "hello from the app layer"} {
		t.Want(hasLine(o.out, l), "no line %q in %q", l, clip(o.out))
	}
	for _, f := range []string{"hello.txt", "winapp.exe"} {
		t.Want(strings.Contains(o.out, f), "the list of C:\\app does not name %s: %q", f, clip(o.out))
	}
}

func override(t *T) {
	b := t.run("type", `C:\both.txt`, "--", "exit", "3")
	b.expect(3, "app", "")
}

func execLayers(t *T) {
	b := t.host()
	b.run("type", `C:\base.txt`, "--", "type", `C:\both.txt`, "--", "type", `C:\app\hello.txt`).
		expect(0, "from the base layer\r\napp\r\nhello from the app layer", "")
}

// writesApart: what one container writes is there for its own processes and for no other container, not even for a later one.
func writesApart(t *T) {
	one, other := t.host(), t.host()
	one.run("write", `C:\app\mine.txt`, "secret").expect(0, "", "")
	one.run("write", `C:\both.txt`, "changed").expect(0, "", "")
	one.run("type", `C:\app\mine.txt`, "--", "type", `C:\both.txt`).expect(0, "secret\nchanged", "")
	third := t.host()
	for _, b := range []*Box{other, third} {
		o := b.run("type", `C:\app\mine.txt`).finish()
		t.Want(o.code != 0 && !strings.Contains(o.out, "secret"), "another container reads the file: %q, code %d", clip(o.out), o.code)
		b.run("type", `C:\both.txt`).expect(0, "app", "")
	}
}

// writesLast: the writable layer belongs to the container, not to its task.
func writesLast(t *T) {
	b := t.container(app("write", `C:\app\kept.txt`, "kept", "--", "print", "wrote"))
	b.create(streams{}).start()
	b.expect(0, "wrote", "")
	_, err := b.task.Delete(t.Ctx)
	t.Must(err, "delete task")
	t.Must(b.editSpec(func(s *specs.Spec) { s.Process.Args = app("type", `C:\app\kept.txt`, "--", "exit", "4") }), "change the command")
	b.create(streams{}).start()
	b.expect(4, "kept", "")
}

// findProgram: a bare name is looked up in the PATH of the image, inside the container's files, for the init and for an exec.
func findProgram(t *T) {
	cwd := func(s *specs.Spec) { s.Process.Cwd = `C:\Windows` }
	b := t.runWith(streams{}, []string{"winapp.exe", "print", "up", "--", "sleep", "300s"}, cwd)
	b.says("up")
	for _, name := range []string{"winapp.exe", "winapp", "WINAPP.EXE"} {
		p := b.exec(streams{}, []string{name, "print", "found", "--", "exit", "3"})
		p.start()
		p.expect(3, "found", "")
	}
}

func imageCwd(t *T) {
	b := t.run("pwd", "--", "type", "hello.txt", "--", "exit", "5")
	b.expect(5, "C:\\app\nhello from the app layer", "")
	b = t.runWith(streams{}, app("pwd", "--", "type", "base.txt"), func(s *specs.Spec) { s.Process.Cwd = `C:\` })
	b.expect(0, "C:\\\nfrom the base layer", "")
}
