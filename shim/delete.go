package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/errdefs"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/task"
	"containerd-shim-hcs/task/ledger"
)

const (
	// deleteBound leaves a second of the five that containerd gives the command.
	deleteBound = 4 * time.Second
	ownBound    = time.Second // for an ending shim to let go
	askBound    = time.Second // for a shim to give the container up
	panicMost   = 64 << 10    // of a crash report that is passed on
	// statusUnknown is the exit status of a container that nobody knows the end of; containerd's own value.
	statusUnknown = 255
)

// Delete is the delete command, which containerd runs after a shim has gone, and after every task's normal end too. It gives back
// what the container's ledger says is held, and nothing else. What is not done when its time is up stays in the ledger.
func Delete(ctx context.Context, m hcs.Machine, ledgers, crash string, lock ledger.Locker, f Flags, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, deleteBound)
	defer cancel()
	reportCrash(crash, stderr)
	led, err := ledger.Open(ledgers, f.Namespace, f.ID)
	if err != nil {
		return err
	}
	exit := led.Exit()
	home, err := homeOf(f.Bundle, f.ID)
	if err != nil { // as at start, so no shim has it for a pod's container
		fmt.Fprintf(stderr, "%v\n", err)
		home = f.ID
	}
	if err := giveUp(ctx, m.Host, f, home); err != nil {
		fmt.Fprintf(stderr, "the shim is to give the container up: %v\n", err)
	}
	// A shim that is ending lets go soon. One that does not is dead to containerd, which is why this command runs.
	if disown, err := led.OwnSoon(ctx, lock, ownBound); err != nil {
		fmt.Fprintf(stderr, "the container is released although a shim still has it: %v\n", err)
	} else {
		defer disown()
	}
	if n := led.Damaged(); n > 0 {
		fmt.Fprintf(stderr, "ledger of %s: %d lines cannot be read\n", f.ID, n)
	}
	// The shim that ended, or gave the container up, has gone on with the ledger.
	if led, err = ledger.Open(ledgers, f.Namespace, f.ID); err != nil {
		return err
	}
	resp := &taskapi.DeleteResponse{ExitStatus: statusUnknown, ExitedAt: timestamppb.Now()}
	if e := led.Exit(); e != nil {
		exit = e
	}
	if e := exit; e != nil {
		resp.Pid, resp.ExitStatus, resp.ExitedAt = e.Pid, e.Code, timestamppb.New(e.At)
	}
	left := task.Release(ctx, m, led)
	if left == nil {
		left = led.Remove()
	}
	if left != nil { // The container is gone for containerd either way; an error would only lose its exit status.
		fmt.Fprintf(stderr, "release %s: %v\n", f.ID, left)
	}
	if err := removeHalfRemoved(f.Bundle); err != nil {
		fmt.Fprintf(stderr, "bundle: %v\n", err)
	}
	b, err := proto.Marshal(resp)
	if err != nil {
		return err
	}
	if _, err := stdout.Write(b); err != nil {
		return err
	}
	if left != nil {
		if err := led.Told(); err != nil {
			fmt.Fprintf(stderr, "%v\n", err)
		}
	}
	return nil
}

// removeHalfRemoved removes what is left of an earlier bundle of the id. containerd renames a bundle to this name before it removes it;
// when a process still had its working directory there, the rest stays, no later bundle of the id can be renamed to it, and a create then
// finds the id taken.
func removeHalfRemoved(bundle string) error {
	if bundle == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(filepath.Dir(bundle), "."+filepath.Base(bundle)))
}

// giveUp tells the shim that has the container, if it runs, to end it. The shim itself ends unless it has other containers.
func giveUp(ctx context.Context, h hcs.Host, f Flags, home string) error {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	conn, err := h.DialPipe(ctx, Address(f.Namespace, home))
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	_, err = taskapi.NewTTRPCTaskClient(client).Shutdown(ctx, &taskapi.ShutdownRequest{ID: f.ID, Now: true})
	if errors.Is(err, ttrpc.ErrClosed) { // it has just ended
		return nil
	}
	return err
}

// reportCrash passes the serving process's last words on to containerd's log, and removes them.
func reportCrash(path string, stderr io.Writer) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	b, err := io.ReadAll(io.LimitReader(f, panicMost))
	_ = f.Close()
	if err == nil && len(b) > 0 {
		fmt.Fprintf(stderr, "the shim crashed:\n%s\n", b)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(stderr, "crash report: %v\n", err)
	}
}
