package shim

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/annotation"
)

// listens is a program that says which events it gets.
const listens = "on CtrlC { print CtrlC }; on CtrlBreak { print CtrlBreak }; on CtrlClose { print CtrlClose }; on CtrlLogOff { print CtrlLogOff }; on CtrlShutdown { print CtrlShutdown }; wait"

// TestSignals: what each number comes to, by Windows' numbers and by Linux's.
func TestSignals(t *testing.T) {
	const refused = "InvalidArgument"
	asked := map[uint32][2]string{
		0: {"CtrlC\n", ""}, 1: {"CtrlBreak\n", "CtrlClose\n"}, 2: {"CtrlClose\n", "CtrlC\n"}, 3: {refused, "CtrlBreak\n"},
		5: {"CtrlLogOff\n", refused}, 6: {"CtrlShutdown\n", refused}, 15: {"CtrlShutdown\n", "CtrlShutdown\n"}, 10: {refused, refused},
	}
	for i, change := range []func(n *node, s *specs.Spec){
		func(*node, *specs.Spec) {},
		func(_ *node, s *specs.Spec) {
			s.Annotations = map[string]string{annotation.Signals: annotation.LinuxSignals}
		},
	} {
		for number, want := range asked {
			run(t, sim.Config{}, func(t *testing.T, n *node) {
				r := n.create(spec(listens, func(s *specs.Spec) { change(n, s) }))
				n.start("")
				err := n.kill("", number)
				synctest.Wait()
				n.end()
				got := n.text(r.Stdout)
				if err != nil {
					got = status.Code(err).String()
				}
				if got != want[i] {
					t.Errorf("signal %d, %d: %q, want %q", number, i, got, want[i])
				}
			})
		}
	}
}

// TestSignalsOfTheHandler: what they mean may be said for all containers of a runtime handler.
func TestSignalsOfTheHandler(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		r := n.request(spec(listens))
		r.Options = packed(t, &runhcs.Options{DefaultContainerAnnotations: map[string]string{annotation.Signals: annotation.LinuxSignals}})
		if _, err := n.task.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		n.start("")
		if err := n.kill("", 2); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		n.end()
		if got := n.text(r.Stdout); got != "CtrlC\n" {
			t.Errorf("INT is %q", got)
		}
	})
}

// TestKilledHaveOneCode: whatever a process is, and however it is ended by KILL, its code is the same; one that ends by itself keeps its own.
func TestKilledHaveOneCode(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		n.start("")
		for _, id := range []string{"killed", "own"} {
			if err := n.exec(id, "on CtrlShutdown { exit 3 }; wait"); err != nil {
				t.Fatal(err)
			}
			n.start(id)
		}
		if err := n.kill("own", 15); err != nil {
			t.Error(err)
		}
		own := n.wait("own").ExitStatus
		_ = n.kill("killed", 9)
		killed := n.wait("killed").ExitStatus
		if own != 3 || killed != statusKilled {
			t.Errorf("exit codes %d and %d, want 3 and %d", own, killed, statusKilled)
		}
		if err := n.kill("own", 9); status.Code(err) != codes.NotFound {
			t.Errorf("kill of one that has ended: %v", err)
		}
		_ = n.kill("", 9)
		if code := n.wait("").ExitStatus; code != statusKilled {
			t.Errorf("init: exit code %d, want %d", code, statusKilled)
		}
		for _, id := range []string{"killed", "own", ""} {
			if _, err := n.delete(id); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
	})
}

const statusKilled = 137

// TestExitCodes: 32 bits, as Windows gave them.
func TestExitCodes(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		n.start("")
		for _, code := range []uint32{
			0, 1, 2, 127, 128, 137, 255, 256, 1067, 0x7FFFFFFF, 0x80000003, 0x80000004, 0xC0000005, 0xC0000006, 0xC0000008, 0xC000000D,
			0xC0000017, 0xC000001D, 0xC0000025, 0xC000007B, 0xC000008E, 0xC0000094, 0xC0000095, 0xC0000096, 0xC00000FD, 0xC000012D, 0xC0000135,
			0xC0000139, 0xC000013A, 0xC0000142, 0xC0000374, 0xC0000409, 0xC0000417, 0xC0000420, 0xE0434352, 0xE06D7363, 0xFFFFFFFF,
		} {
			if err := n.exec("x", fmt.Sprintf("exit %#x", code)); err != nil {
				t.Fatal(err)
			}
			n.start("x")
			if got := n.wait("x").ExitStatus; got != code {
				t.Errorf("exit code %#x, want %#x", got, code)
			}
			if r, err := n.delete("x"); err != nil || r.ExitStatus != code {
				t.Errorf("delete: %v, %v, want %#x", r, err, code)
			}
		}
		n.end()
	})
}

// TestStatusIsWrittenDown: the file that tells how a container ended has the name of the status too.
func TestStatusIsWrittenDown(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("exit 0xC0000005"))
		n.start("")
		n.wait("")
		files, err := filepath.Glob(filepath.Join(n.ledgers(), "*", "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("ledgers %v, %v", files, err)
		}
		if b, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(b), "STATUS_ACCESS_VIOLATION") {
			t.Errorf("%s, %v", b, err)
		}
		n.end()
	})
}
