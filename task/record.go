package task

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/task/limits"
	"containerd-shim-hcs/task/network"
)

// record is the sandbox of a pod whose containers need nothing from it at the Host Compute Service: a task in every respect that
// containerd can see, and nothing at HCS. See the package comment for why. Its life is the context that it was created under: whoever
// kills it ends that.
var record = kind{
	make:   (*Runner).makeRecord,
	start:  (*Runner).startRecord,
	wait:   (*Runner).waitRecord,
	signal: (*Runner).signalRecord,
	kill:   (*Runner).killRecord,
	drain:  (*Runner).drainRecord,
	stop:   func(*Runner, *live) {}, // its members have been stopped before, and it has no compute system
	update: (*Runner).updateRecord,
	freeze: (*Runner).freezeRecord,
	look:   (*Runner).lookAtRecord,
	noExec: "the sandbox of this pod is a record without a compute system, no process can run in it; exec in one of its containers",
}

// makeRecord only looks: the namespace is CRI's, and the layers that containerd gives a sandbox stay as they are.
func (r *Runner) makeRecord(ctx context.Context, l *live, plan Plan) error {
	l.since = time.Now()
	return network.Find(ctx, r.Machine.Network, plan.Network)
}

// startRecord answers with the shim's own process: clients take 0 for a task that does not run, and a pid that is no process's could
// be given to somebody else's tomorrow. The shim lives as long as the record does, and containerd never signals a pid by itself.
func (r *Runner) startRecord(*live) (uint32, error) { return uint32(os.Getpid()), nil }

// waitRecord: the code is 0, as that of Microsoft's sandboxes without a process, whatever ended them (peer-runhcs §2.5).
func (r *Runner) waitRecord(l *live) Exit {
	select {
	case <-l.ctx.Done():
	case <-l.quit: // nobody takes the answer
		return Exit{}
	}
	exit := Exit{At: time.Now()}
	r.ended(l, uint32(os.Getpid()), exit)
	return exit
}

// signalRecord: every console event that a program could get ends one that does not handle it.
func (r *Runner) signalRecord(l *live, number uint32, _ bool) error {
	sig, err := l.plan.signal(number)
	if err != nil || sig == "" {
		return err
	}
	return r.killRecord(l, false)
}

func (r *Runner) killRecord(l *live, _ bool) error {
	l.cancel()
	return nil
}

// drainRecord ends the client's pipes, if it gave any: nothing was ever written to them.
func (r *Runner) drainRecord(l *live) { l.streams.Load().Close() }

// ended writes down how a task's init ended, for a delete command that may have to tell.
func (r *Runner) ended(l *live, pid uint32, exit Exit) {
	if err := l.ledger.Ended(ledger.Exit{Pid: pid, Code: exit.Code, At: exit.At, Status: hcs.StatusName(exit.Code)}); err != nil {
		r.Log.Warn("exit status is not recorded", "process", l.key.String(), "error", err)
	}
}

// updateRecord refuses: nothing runs that a limit would be for.
func (r *Runner) updateRecord(l *live, _ DoUpdate) (limits.Plan, error) {
	return limits.Plan{}, fmt.Errorf("update %s: the sandbox of this pod is a record without a compute system, it has no limits; "+
		"update its containers: %w", l.key, errdefs.ErrNotImplemented)
}

// lookAtRecord: a task without a compute system uses nothing.
func (r *Runner) lookAtRecord(_ context.Context, l *live) (*Usage, error) {
	u := &Usage{Statistics: noUse(time.Now())}
	u.ContainerStartTime = l.since
	u.Uptime100ns = uint64(u.Timestamp.Sub(l.since) / 100)
	l.usage.see(u, false)
	return u, nil
}
