package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// What one round of torture does is drawn from its seed: the lives of the tasks, and what happens to them meanwhile. How the two meet
// depends on the machine as well.

// plan is one round.
type plan struct {
	lives []life
	acts  []act
}

// life is what a client does with one task.
type life struct {
	program prog
	streams bool // its output is read
	start   bool
	execs   []execLife
	signal  syscall.Signal // sent to init, 0 for none
	after   time.Duration  // what it waits before that
	leave   bool           // not even waited for: the round's end finds it as it is
}

// execLife is the same for an exec.
type execLife struct {
	program prog
	streams bool
	start   bool
	signal  syscall.Signal
	leave   bool
}

// prog is a command of the image's program, and how it ends.
type prog struct {
	args []string
	code uint32 // of one that ends by itself
	ends bool   // it does
}

// act is something that goes wrong.
type act struct {
	at   time.Duration // from the round's start
	kind actKind
	rule string // of a fault
	n    int    // of a kill: which of the shims there are
	away time.Duration
}

type actKind string

const (
	killShim   actKind = "shim killed"
	killDaemon actKind = "containerd killed"
	addFault   actKind = "fault"
	restartHCS actKind = "service restarted"
)

// rageTime is how long a round's acts are spread over: about as long as its lives take.
const rageTime = 4 * time.Second

// drawRound is a pure function of its arguments.
func drawRound(seed uint64, tasks int) plan {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	var p plan
	for range tasks {
		p.lives = append(p.lives, drawLife(r))
	}
	at := func() time.Duration { return time.Duration(r.Int64N(int64(rageTime))) }
	// Every kind in half of the rounds: what one hides, a round without it shows.
	if r.IntN(2) == 0 {
		for range 1 + r.IntN(4) {
			p.acts = append(p.acts, act{at: at(), kind: killShim, n: r.IntN(1 << 16)})
		}
	}
	if r.IntN(2) == 0 {
		p.acts = append(p.acts, act{at: at(), kind: killDaemon, away: time.Duration(r.Int64N(int64(time.Second)))})
	}
	if r.IntN(2) == 0 {
		for range 1 + r.IntN(4) {
			p.acts = append(p.acts, act{at: at() / 2, kind: addFault, rule: drawRule(r)})
		}
	}
	if r.IntN(6) == 0 {
		p.acts = append(p.acts, act{at: at(), kind: restartHCS})
	}
	return p
}

func drawProgram(r *rand.Rand) prog {
	code := uint32(r.IntN(200))
	exit := []string{"--", "exit", fmt.Sprint(code)}
	switch r.IntN(5) {
	case 0:
		return prog{append([]string{"print", "x"}, exit...), code, true}
	case 1:
		return prog{append([]string{"tick", fmt.Sprint(1 + r.IntN(20)), "40ms"}, exit...), code, true}
	case 2:
		return prog{append([]string{"burst", fmt.Sprint(r.IntN(300_000))}, exit...), code, true}
	case 3:
		return prog{args: []string{"ignore"}}
	default:
		return prog{args: []string{"sleep", "300s"}}
	}
}

func drawLife(r *rand.Rand) life {
	l := life{
		program: drawProgram(r), streams: r.IntN(3) > 0, start: r.IntN(10) > 0,
		after: time.Duration(r.Int64N(int64(time.Second))), leave: r.IntN(6) == 0,
	}
	l.signal = drawSignal(r, l.program)
	for range r.IntN(4) - 1 {
		p := drawProgram(r)
		l.execs = append(l.execs, execLife{program: p, streams: r.IntN(2) == 0, start: r.IntN(8) > 0, signal: drawSignal(r, p), leave: r.IntN(5) == 0})
	}
	return l
}

// drawSignal ends what does not end by itself.
func drawSignal(r *rand.Rand, p prog) syscall.Signal {
	switch {
	case !p.ends:
		return sigkill
	case r.IntN(4) == 0:
		return []syscall.Signal{sigterm, sigkill}[r.IntN(2)]
	}
	return 0
}

// drawRule meets one of the calls of the tasks' lives.
func drawRule(r *rand.Rand) string {
	calls := []string{
		"HcsCreateComputeSystem", "HcsStartComputeSystem", "HcsShutDownComputeSystem", "HcsTerminateComputeSystem", "HcsOpenComputeSystem",
		"HcsGetComputeSystemProperties", "HcsCreateProcess", "HcsTerminateProcess", "HcsSignalProcess", "HcsGetProcessInfo",
		"ActivateLayer", "PrepareLayer", "GetLayerMountPath", "UnprepareLayer", "DeactivateLayer",
		"HcnCreateNamespace", "HcnDeleteNamespace", "*",
	}
	actions := []string{
		"fail 0x80070005", "fail 0x800706BA", "fail 0x80370118", "fail 0x80070020", "lose", "lose", "hang", "delay 1500ms", "delay 300ms lose",
	}
	return fmt.Sprintf("%s %s skip=%d times=%d", calls[r.IntN(len(calls))], actions[r.IntN(len(actions))], r.IntN(12), 1+r.IntN(3))
}
