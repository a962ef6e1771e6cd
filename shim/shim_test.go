package shim

import (
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"

	"containerd-shim-hcs/hcs/sim"
)

func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		r := n.create(spec("print hello; sleep 5s; exit 7"))
		pid := n.start("")
		w := n.wait("")
		if pid == 0 || w.ExitStatus != 7 {
			t.Errorf("pid %d, exit %d", pid, w.ExitStatus)
		}
		if out := n.text(r.Stdout); out != "hello\n" {
			t.Errorf("output %q", out)
		}
		st, err := n.task.State(t.Context(), &taskapi.StateRequest{ID: "web"})
		if err != nil || st.Pid != pid || st.ExitStatus != 7 || !st.ExitedAt.AsTime().Equal(w.ExitedAt.AsTime()) || st.Stdout != r.Stdout || st.Bundle != r.Bundle {
			t.Errorf("state %v, %v", st, err)
		}
		d, err := n.delete("")
		if err != nil || d.ExitStatus != 7 || d.Pid != pid || !d.ExitedAt.AsTime().Equal(w.ExitedAt.AsTime()) {
			t.Errorf("delete %v, %v", d, err)
		}
		time.Sleep(time.Second)
		expect(t, n.seen(), "/tasks/create web", "/tasks/start web", "/tasks/exit web 7", "/tasks/delete web 7")
		n.gone()
	})
}
