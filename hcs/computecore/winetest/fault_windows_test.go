package winetest

import (
	"errors"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
	"containerd-shim-hcs/hcs/computecore"
)

func TestCreateBeyondItsBound(t *testing.T) {
	doc := newRoot(t).document(t)
	fault(t, "HcsCreateComputeSystem id="+name(t)+" delay 1s")
	start := time.Now()
	_, err := computecore.New().Create(within(t, 300*time.Millisecond), name(t), doc)
	if !errors.Is(err, hcs.ErrOperationTimeout) || time.Since(start) > 900*time.Millisecond {
		t.Fatal(err, time.Since(start))
	}
	settled(t)
	gone(t, name(t))
}

func TestTerminatePassesAStart(t *testing.T) {
	s := created(t)
	fault(t, "HcsStartComputeSystem id="+name(t)+" hang")
	if err := s.Start(within(t, 300*time.Millisecond)); !errors.Is(err, hcs.ErrOperationTimeout) || call.Outlived() != 1 {
		t.Fatal(err, call.Outlived())
	}
	must(t, s.Terminate(within(t, bound)))
	sim(t, "SimFault", "")
	settled(t)
}

func TestFailuresCarryTheirCode(t *testing.T) {
	s := created(t)
	fault(t, "HcsStartComputeSystem fail 0x80370101 times=1")
	if err := s.Start(within(t, bound)); !errors.Is(err, hcs.ErrImageMismatch) {
		t.Fatal(err)
	}
}

func TestLayerBeyondItsBound(t *testing.T) {
	r := newRoot(t)
	fault(t, "GetLayerMountPath delay 1s times=1")
	if _, err := r.layers.MountPath(within(t, 200*time.Millisecond), r.scratch); !errors.Is(err, hcs.ErrOperationTimeout) {
		t.Fatal(err)
	}
	// The next waits for it, whatever its spelling.
	start := time.Now()
	if _, err := r.layers.MountPath(within(t, 300*time.Millisecond), `\\?\`+r.scratch); !errors.Is(err, hcs.ErrOperationTimeout) {
		t.Fatal(err)
	}
	v, err := r.layers.MountPath(within(t, bound), r.scratch)
	if err != nil || v != r.volume || time.Since(start) < 400*time.Millisecond {
		t.Fatal(v, err, time.Since(start))
	}
	settled(t)
}

// The service goes away and comes back: every handle learns of it. Last, for it ends everything.
func TestZServiceRestart(t *testing.T) {
	root := newRoot(t)
	s, err := computecore.New().Create(within(t, bound), name(t), root.document(t))
	must(t, err)
	must(t, s.Start(within(t, bound)))
	p, err := s.Run(within(t, bound), params("sleep"))
	must(t, err)
	expect(t, p.Stdout(), "up")
	sim(t, "SimRestart")
	for _, err := range []error{(<-s.Exited()).Err, (<-p.Exited()).Err} {
		if !errors.Is(err, hcs.ErrServiceDisconnect) {
			t.Error(err)
		}
	}
	must(t, p.Close())
	must(t, s.Close())
	gone(t, name(t))
}
