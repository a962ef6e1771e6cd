//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The demo is a script in which each step prints what it does, what came of it, and whether that is as promised. It goes on after a
// failure, so that one run tells all, and ends with an error then.
const (
	runtime  = "io.containerd.hcs.v1"
	appImage = "docker.io/library/winapp:1"
	bound    = 2 * time.Minute // of one ctr call
)

type script struct {
	in     *Instance
	failed int
}

func demo(in *Instance) (err error) {
	if os.Getenv("RIG") == "" {
		// Not the default instance: the demo begins with an empty one.
		if in, err = NewInstance(in.bin, filepath.Join(filepath.Dir(in.bin), "demo")); err != nil {
			return err
		}
	}
	if err := in.Wipe(); err != nil {
		return err
	}
	if err := in.Up(Options{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Down()) }()
	s := &script{in: in}
	events, err := s.listen()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.end(5*time.Second)) }()

	s.containerd()
	s.image()
	s.foreground()
	s.detached()
	s.removed()
	s.events()
	s.nothingLeft()
	if s.failed > 0 {
		return fmt.Errorf("demo: %d of the promises above were not kept; logs in %s", s.failed, in.path("log"))
	}
	fmt.Println("\nAll as promised.")
	return nil
}

func (s *script) title(text string) { fmt.Println("\n== " + text) }

// check states a promise.
func (s *script) check(ok bool, format string, args ...any) {
	mark := "ok  "
	if !ok {
		mark = "FAIL"
		s.failed++
	}
	fmt.Printf("   %s %s\n", mark, fmt.Sprintf(format, args...))
}

// hold is a check whose failure has a reason.
func (s *script) hold(err error, what string) {
	if err != nil {
		what += ": " + err.Error()
	}
	s.check(err == nil, "%s", what)
}

// ctr runs and shows a command; the caller judges its exit code.
func (s *script) ctr(args ...string) (string, int) {
	fmt.Printf("   $ ctr %s\n", strings.Join(quoted(args), " "))
	out, code, err := s.in.wine.result(bound, `C:\rig\ctr.exe`, args...)
	out = strings.ReplaceAll(out, "\r\n", "\n")
	for line := range strings.Lines(out) {
		fmt.Printf("     %s\n", strings.TrimRight(line, "\n"))
	}
	if err != nil {
		s.check(false, "%v", err)
	}
	return out, code
}

func quoted(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if strings.ContainsAny(a, " ") {
			out[i] = "'" + a + "'"
		}
	}
	return out
}

// ends checks the exit code of a ctr call and that its output has the texts, each within one line that begins with it: an error that
// repeats a command line does not count.
func (s *script) ends(want int, what string, texts ...string) func(string, int) {
	return func(out string, code int) {
		s.check(code == want, "%s: exit code %d", what, code)
		for _, text := range texts {
			s.check(strings.Contains("\n"+out, "\n"+text), "%s: %q in its output", what, text)
		}
	}
}

func (s *script) containerd() {
	s.title("containerd for Windows, unmodified, under Wine")
	s.ends(0, "containerd answers", "Server:")(s.ctr("version"))
}

func (s *script) image() {
	s.title("An image of two layers is imported and unpacked by containerd's Windows snapshotter")
	tar := filepath.Join(filepath.Dir(s.in.bin), "image.tar")
	s.ends(0, "import", appImage)(s.ctr("images", "import", tar))
	out, _ := s.ctr("snapshots", "ls")
	s.check(strings.Count(out, "Committed") == 2, "one committed snapshot for each layer")
}

func (s *script) foreground() {
	s.title("A container that prints and ends with a code")
	s.ends(7, "the container", "hello from a Windows container")(
		s.ctr("run", "--rm", "--runtime", runtime, appImage, "first", "winapp.exe", "print", "hello from a Windows container", "--", "exit", "7"))
	s.title("It sees both layers, the upper one first")
	s.ends(0, "the container", "from the base layer", "hello from the app layer", "app\n")(
		s.ctr("run", "--rm", "--runtime", runtime, appImage, "layers", "winapp.exe",
			"type", `C:\base.txt`, "--", "type", `C:\app\hello.txt`, "--", "type", `C:\both.txt`))
}

func (s *script) detached() {
	s.title("A container in the background")
	s.ends(0, "run")(s.ctr("run", "-d", "--null-io", "--runtime", runtime, appImage, "second", "winapp.exe", "trap", "exit", "5"))
	out, _ := s.ctr("tasks", "ls")
	s.check(hasRow(out, "second", "RUNNING"), "it runs")

	s.title("Another process in it")
	s.ends(3, "the exec", "hello from an exec")(
		s.ctr("tasks", "exec", "--exec-id", "exec-1", "second", "winapp.exe", "print", "hello from an exec", "--", "exit", "3"))

	s.title("Its processes")
	out, code := s.ctr("tasks", "ps", "second")
	s.check(code == 0 && strings.Count(strings.TrimSpace(out), "\n") == 1, "one process below the heading")

	s.title("Its metrics")
	out, code = s.ctr("tasks", "metrics", "second")
	s.check(code == 0 && strings.Contains(strings.ToLower(out), "memory"), "memory is told")

	s.title("TERM, which Windows delivers as CtrlShutdown, and the program answers with code 5")
	s.ends(0, "kill")(s.ctr("tasks", "kill", "-s", "SIGTERM", "second"))
	err := poll(20*time.Second, func() error {
		out, err := s.in.Ctr(bound, "tasks", "ls")
		if err == nil && !hasRow(out, "second", "STOPPED") {
			err = fmt.Errorf("after 20 s it is:\n%s", out)
		}
		return err
	})
	s.hold(err, "it has stopped")
	out, code = s.ctr("tasks", "delete", "second")
	s.check(code == 0 && strings.Contains(out, "exit code 5"), "deleted, and its code was 5")
}

// hasRow reports whether a line of a table has all the words.
func hasRow(table string, words ...string) bool {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(f, w) }) {
			return true
		}
	}
	return false
}

func (s *script) removed() {
	s.title("Everything is removed")
	s.ends(0, "containers rm")(s.ctr("containers", "rm", "second"))
	s.ends(0, "images rm")(s.ctr("images", "rm", "--sync", appImage, "docker.io/library/winbase:1", "docker.io/library/winpause:1"))
	for _, what := range []string{"containers", "tasks", "images", "snapshots"} {
		out, code := s.ctr(what, "ls")
		s.check(code == 0 && strings.Count(strings.TrimSpace(out), "\n") == 0, "no %s", what)
	}
}

// taskEvent is what the demo shows of a task's events.
type taskEvent struct {
	Container string `json:"container_id"`
	ID        string `json:"id"`      // the process that exited or was deleted; the container's own may be empty
	Exec      string `json:"exec_id"` // the exec that was added or started
	Pid       uint32 `json:"pid"`
	Exit      uint32 `json:"exit_status"`
}

// listen begins to write down containerd's events, and returns when they arrive: what is published before is lost to it, and Wine makes a
// program that opens containerd's pipe at the moment of another fail with "All pipe instances are busy".
func (s *script) listen() (events process, err error) {
	log := s.in.path("log", "events.log")
	err = poll(bound, func() (err error) {
		if !events.alive() {
			if events, err = spawn(s.in.wine.command(context.Background(), `C:\rig\ctr.exe`, "events"), log); err != nil {
				return err
			}
		}
		if _, err := s.in.wine.output(bound, `C:\rig\ctr.exe`, "namespaces", "label", "default", "listens=yes"); err != nil {
			return err
		}
		b, err := os.ReadFile(log)
		if err == nil && !bytes.Contains(b, []byte("/namespaces/update")) {
			err = errors.New("containerd's events do not arrive")
		}
		return err
	})
	return events, err
}

// events shows what containerd published of the second container.
func (s *script) events() {
	s.title("Its events, in the order containerd got them")
	want := []string{
		"create second", "start second", "exec-added exec-1", "exec-started exec-1",
		"exit exec-1", "delete exec-1", "exit second", "delete second",
	}
	var got, lines []string
	// The reader is another process than the one that was told: the last line may be a moment behind.
	err := poll(5*time.Second, func() error {
		b, err := os.ReadFile(s.in.path("log", "events.log"))
		if err != nil {
			return err
		}
		if got, lines, err = taskEvents(string(b), "second"); err == nil && len(got) < len(want) {
			err = fmt.Errorf("%d events, want %d", len(got), len(want))
		}
		return err
	})
	for _, l := range lines {
		fmt.Printf("     %s\n", l)
	}
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("want %q", want)
	}
	s.hold(err, "each process is created, started, exited and deleted, once and in this order, the exec within the container")
}

// taskEvents picks a container's out of the output of `ctr events`: topic and process, and the same with numbers to read.
func taskEvents(log, container string) (names, lines []string, err error) {
	for line := range strings.Lines(log) {
		_, rest, ok := strings.Cut(line, " /tasks/")
		if !ok {
			continue
		}
		topic, body, _ := strings.Cut(rest, " ")
		var e taskEvent
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			return nil, nil, fmt.Errorf("event %s: %w", topic, err)
		}
		if e.Container != container {
			continue
		}
		name := topic + " " + or(or(e.Exec, e.ID), e.Container)
		names = append(names, name)
		if e.Pid != 0 {
			name = fmt.Sprintf("%-22s pid %d", name, e.Pid)
		}
		if topic == "exit" || topic == "delete" {
			name += fmt.Sprintf(", exit status %d", e.Exit)
		}
		lines = append(lines, name)
	}
	return names, lines, nil
}

func (s *script) nothingLeft() {
	s.title("Nothing is left: asked of the simulator, and of the system")
	// A shim answers Shutdown before it exits.
	err := poll(10*time.Second, s.in.Left)
	s.hold(err, "no compute system, process, layer, namespace or endpoint")
	err = poll(10*time.Second, func() error {
		programs, err := s.in.Programs()
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(programs, func(p string) bool { return strings.Contains(p, "containerd-shim-") }); i >= 0 {
			return errors.New(programs[i])
		}
		return nil
	})
	s.hold(err, "no shim process")
}
