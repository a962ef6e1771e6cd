package shim

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
)

var rewrite = flag.Bool("rewrite", false, "write the stories anew")

// TestStories plays test/story/*.txt. A line that begins with "$ " is a request to the shim, or something that happens; the lines
// below it are what came of it: the calls to the Host Compute Service, the events, the answer. "#" begins a comment.
//
//	create SCRIPT        create the task with a program of the simulator's language
//	create-limited LIMITS SCRIPT    the same with limits, such as memory=64,count=2
//	@ID LINE             the line for another container of the shim's pod than the one it was started for
//	sandbox              create the pod's sandbox      join               run the start command
//	start [EXEC]         exec EXEC SCRIPT        kill SIGNAL [EXEC]     wait [EXEC]
//	delete [EXEC]        state [EXEC]            pids                   output [EXEC]
//	update LIMITS        memory=MiB, count=N, maximum=N, shares=N; the answer tells what the machine has
//	sleep DURATION       fault RULE              crash                  delete-command
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("../test/story/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no stories", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			synctest.Test(t, func(t *testing.T) { tell(t, string(b), &got) })
			if bytes.Equal(b, got.Bytes()) {
				return
			}
			if *rewrite {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("the story went otherwise (-rewrite to accept):\n%s", got.Bytes())
		})
	}
}

// story is one being told.
type story struct {
	*node
	set    *fault.Set
	out    *bytes.Buffer
	events int
}

func tell(t *testing.T, text string, out *bytes.Buffer) {
	s := &story{set: &fault.Set{}, out: out}
	s.node = newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, s.set) })
	s.svc.ResetJournal()
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "$ "):
			out.WriteString(line)
			answer := s.play(strings.TrimSpace(line[2:]))
			time.Sleep(time.Second) // what follows from it
			s.report(answer)
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
			out.WriteString(line)
		}
	}
	s.set.Clear()
	for _, id := range slices.Sorted(maps.Keys(s.bundles)) {
		s.as(id).deleteCommand()
	}
	s.gone()
}

func (s *story) play(line string) string {
	verb, rest, _ := strings.Cut(line, " ")
	if id, ok := strings.CutPrefix(verb, "@"); ok {
		other := *s
		other.node = s.as(id)
		return other.play(rest)
	}
	first, second, _ := strings.Cut(rest, " ")
	ctx := s.t.Context()
	switch verb {
	case "create":
		_, err := s.task.Create(ctx, s.request(spec(rest, s.place)))
		return answer(err)
	case "sandbox":
		s.svc.AddNamespace(podNamespace)
		_, err := s.task.Create(ctx, s.sandboxRequest())
		return answer(err)
	case "join":
		s.bundle(spec("", s.place))
		_, err := s.startCommand()
		return answer(err)
	case "create-limited":
		_, err := s.task.Create(ctx, s.request(spec(second, limited(s.limitsOf(first)))))
		return answer(err)
	case "update":
		return answer(s.update(s.limitsOf(rest)), s.limits())
	case "start":
		r, err := s.task.Start(ctx, &taskapi.StartRequest{ID: s.id, ExecID: rest})
		if err == nil && r.Pid == 0 {
			return "no pid"
		}
		return answer(err)
	case "exec":
		return answer(s.exec(first, second))
	case "kill":
		n, err := strconv.ParseUint(first, 10, 32)
		if err != nil {
			s.t.Fatal(err)
		}
		return answer(s.kill(second, uint32(n)))
	case "wait":
		r, err := s.task.Wait(ctx, &taskapi.WaitRequest{ID: s.id, ExecID: rest})
		return answer(err, "exit", r.GetExitStatus())
	case "delete":
		r, err := s.delete(rest)
		return answer(err, "exit", r.GetExitStatus())
	case "state":
		r, err := s.task.State(ctx, &taskapi.StateRequest{ID: s.id, ExecID: rest})
		return answer(err, r.GetStatus(), "exit", r.GetExitStatus())
	case "pids":
		r, err := s.task.Pids(ctx, &taskapi.PidsRequest{ID: s.id})
		return answer(err, len(r.GetProcesses()))
	case "output":
		return fmt.Sprintf("%q", s.text(`\\.\pipe\`+s.id+`-stdout`))
	case "sleep":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(d)
		return "ok"
	case "fault":
		r, err := fault.Parse(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		s.set.Add(r)
		return "ok"
	case "crash":
		s.crash()
		return "ok"
	case "delete-command":
		return fmt.Sprint("exit ", s.deleteCommand().ExitStatus)
	}
	s.t.Fatalf("unknown line %q", line)
	return ""
}

// limitsOf reads memory=256,count=2.
func (s *story) limitsOf(text string) *specs.WindowsResources {
	var fields []any
	for _, f := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			s.t.Fatal(err)
		}
		fields = append(fields, name, n)
	}
	return resources(fields...)
}

func answer(err error, values ...any) string {
	if err != nil {
		return fmt.Sprintf("%s: %s", status.Code(err), status.Convert(err).Message())
	}
	return strings.TrimSpace(fmt.Sprintln(append([]any{"ok"}, values...)...))
}

// volatile are the parts of a line that differ from run to run.
var volatile = regexp.MustCompile(`(?i)\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?|/tmp/\S*?/bundle\d+`)

func (s *story) report(answer string) {
	synctest.Wait()
	write := func(prefix, line string) {
		fmt.Fprintf(s.out, "%s%s\n", prefix, volatile.ReplaceAllString(line, "…"))
	}
	again := map[string]int{} // handles opened for a kill
	for _, e := range s.svc.Journal() {
		switch {
		case !strings.Contains(e.Client, "shim"):
			continue
		case e.Op == "HcsCloseProcess": // comes when the streams are drained, beside the rest
			continue
		case e.Op == "HcsOpenComputeSystem" && e.Outcome == "ok":
			again[e.ID]++
		case e.Op == "HcsCloseComputeSystem" && again[e.ID] > 0: // beside the rest too
			again[e.ID]--
			continue
		}
		write("    ", strings.TrimSpace(e.Op+" "+e.ID)+prefixed(": ", strings.TrimPrefix(e.Outcome, "ok")))
	}
	s.svc.ResetJournal()
	seen := s.seen()
	for _, e := range seen[s.events:] {
		write("  event ", e)
	}
	s.events = len(seen)
	write("  ", answer)
}
