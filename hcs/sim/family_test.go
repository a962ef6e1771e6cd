package sim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

// TestFamily: a job object ends who was born into it, is let go once, and takes no process that has ended.
func TestFamily(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s := n.running("web")
		n.run(s, "wait")
		p := n.run(s, "sleep 1s; spawn { wait }; wait")
		f, err := p.Enclose(n.ctx)
		n.must(err)
		time.Sleep(2 * time.Second) // the child is there
		n.must(p.Terminate(n.ctx))
		<-p.Exited()
		n.must(f.Terminate())
		synctest.Wait()
		if left := len(n.svc.State().Processes); left != 1 {
			t.Errorf("%d processes are left, want the one outside", left)
		}
		n.must(f.Close())
		n.must(f.Close())
		n.is(f.Terminate(), hcs.ErrInvalidHandle)
		_, err = p.Enclose(n.ctx)
		n.is(err, hcs.ErrAccessDenied)
	})
}
