package shim

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/host"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/task/admission"
)

// busy is a machine on which no more than four containers can be made at once, each call taking its time.
var busy = sim.Config{Busy: sim.Busy{Takes: 300 * time.Millisecond, Most: 4}}

// TestManyPodsStart: each with a shim of its own, at the same moment. Without the slots most of them fail, with them none.
func TestManyPodsStart(t *testing.T) {
	const pods = 200
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		failed, took := startPods(t, pods, admission.Slots{Dir: dir, N: admission.Default, Lock: host.TryLockFile})
		if failed > 0 {
			t.Errorf("%d of %d failed", failed, pods)
		}
		// Three calls each, four pods at a time, is 46.8 s.
		if took > time.Minute {
			t.Errorf("it took %v", took)
		}
		for i := range admission.Default {
			unlock, err := host.TryLockFile(filepath.Join(dir, fmt.Sprintf("slot-%d.lock", i)))
			if err != nil {
				t.Errorf("a slot is still held: %v", err)
				continue
			}
			unlock()
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if failed, _ := startPods(t, pods, admission.Slots{}); failed < pods/2 {
			t.Errorf("without slots %d of %d failed: the machine is not busy, and the test tests nothing", failed, pods)
		}
	})
}

// startPods runs pods with a container each and returns how many of these could not be made.
func startPods(t *testing.T, pods int, slots admission.Slots) (failed int, took time.Duration) {
	n := newNode(t, busy, nil)
	n.svc.AddNamespace(podNamespace)
	began := time.Now()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range pods {
		all.Go(func() {
			if err := n.onePod(fmt.Sprint("pod-", i), fmt.Sprint("app-", i), slots); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed++
			}
		})
	}
	all.Wait()
	took = time.Since(began)
	if held := n.close(); len(held) > 0 {
		t.Errorf("still held: %v", held)
	}
	return failed, took
}

// onePod is a pod's life on a shim of its own.
func (n *node) onePod(pod, app string, slots admission.Slots) error {
	ctx, end := context.WithCancel(n.t.Context())
	client := n.svc.Connect("containerd-shim-hcs-v1.exe", 10)
	defer client.Close()
	served, ready := make(chan error, 1), make(chan struct{})
	go func() {
		served <- Serve(ctx, Config{Machine: n.svc.Machine(client), Namespace: ns, ID: pod, Ledgers: n.ledgers(), Lock: host.TryLockFile, Slots: slots}, func() { close(ready) })
	}()
	defer func() { end(); <-served }()
	<-ready
	conn, err := n.machine.Host.DialPipe(ctx, Address(ns, pod))
	if err != nil {
		return err
	}
	c := ttrpc.NewClient(conn)
	defer c.Close()
	task := taskapi.NewTTRPCTaskClient(c)
	n.mu.Lock() // the harness's own is for one container at a time
	sandbox, member := n.as(pod), n.as(app)
	requests := []*taskapi.CreateTaskRequest{sandbox.request(spec("pause.exe", inPod("sandbox", pod))), member.request(spec("wait", inPod("container", pod)))}
	n.mu.Unlock()
	for _, r := range requests {
		if _, err := task.Create(ctx, r); err != nil {
			return err
		}
		if _, err := task.Start(ctx, &taskapi.StartRequest{ID: r.ID}); err != nil {
			return err
		}
	}
	if _, err := task.Kill(ctx, &taskapi.KillRequest{ID: pod, Signal: 9}); err != nil {
		return err
	}
	for _, id := range []string{app, pod} {
		if _, err := task.Wait(ctx, &taskapi.WaitRequest{ID: id}); err != nil {
			return err
		}
		if _, err := task.Delete(ctx, &taskapi.DeleteRequest{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// TestStepsNameTheirBound: an error that comes of a bound says which step, and how long it had.
func TestStepsNameTheirBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, sim.Config{}, nil)
		n.svc.AddNamespace(podNamespace)
		slots := admission.Slots{Dir: t.TempDir(), N: 1, Lock: host.TryLockFile}
		release, err := slots.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = n.onePod("pod", "app", slots)
		kind(t, "create while others are made", err, codes.Unavailable)
		if err == nil || !strings.Contains(err.Error(), "admission: not done after 4m0s: 1 containers are being made") || !strings.Contains(err.Error(), "held by process") {
			t.Errorf("%v does not name the step, its bound and who has the slot", err)
		}
		release()
		if held := n.close(); len(held) > 0 {
			t.Errorf("still held: %v", held)
		}
	})
	for rule, names := range map[string]string{
		"PrepareLayer hang": "layers: not done after 2m0s", "HcsCreateComputeSystem hang": "compute system: not done after 4m0s",
	} {
		synctest.Test(t, func(t *testing.T) {
			set := &fault.Set{}
			n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
			r, err := fault.Parse(rule)
			if err != nil {
				t.Fatal(err)
			}
			set.Add(r)
			_, err = n.task.Create(t.Context(), n.request(spec("wait")))
			if err == nil || !strings.Contains(err.Error(), names) {
				t.Errorf("%s: %v does not say %s", rule, err, names)
			}
			set.Clear()
			n.deleteCommand()
			n.gone()
		})
	}
}
