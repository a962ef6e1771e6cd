package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"

	"containerd-shim-hcs/task/ledger"
	"containerd-shim-hcs/test/conform/node"
	"containerd-shim-hcs/test/conform/script"
)

var tortureCases = []Case{{Name: "torture/nothing-is-lost", Run: runTorture, Limit: 24 * time.Hour}}

const (
	settleBound  = 20 * time.Second // for all that a round made to be gone
	ledgersBound = 5 * time.Second  // and then for what the shims have on record
	scrapBound   = time.Minute      // for a client to be able to remove a container, once nothing fails any more
)

// torture runs random lives of tasks while what they depend on fails, and looks after each round at what is left.
type torture struct {
	t     *T
	ev    *recorder
	slots []string // the ids, the same in every round
	count map[string]int

	mu      sync.Mutex
	client  *containerd.Client
	up      chan struct{} // closed while containerd answers
	killed  map[string]bool
	cut     map[string]bool // its delete command was killed, in this round or an earlier one
	outages []outage
	did     map[actKind]int
}

// outage is a time without containerd, until its events arrive again.
type outage struct{ from, to time.Time }

func runTorture(t *T) {
	x := &torture{t: t, ev: t.events(), count: map[string]int{}, cut: map[string]bool{}, client: t.client, up: make(chan struct{})}
	close(x.up)
	for i := range t.o.tasks {
		x.slots = append(x.slots, fmt.Sprintf("torture-%s-%02d", t.runID, i))
	}
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	findings := 0
	for i := range t.o.rounds {
		findings += x.round(t.o.seed+uint64(i), before)
		before, err = t.machine.State() // what is left is counted once
		t.Must(err, "ask the simulator")
	}
	t.Must(writeTally(t.o.tally, Tally{Runtime: t.o.runtime, Seed: t.o.seed, Rounds: t.o.rounds, Findings: x.count}), "write the findings")
	t.Want(findings == 0, "%d findings in %d rounds: %v", findings, t.o.rounds, x.count)
}

// round returns the number of its findings.
func (x *torture) round(seed uint64, before node.Holdings) int {
	t := x.t
	began := time.Now()
	p := drawRound(seed, len(x.slots))
	x.ev.forget()
	x.killed, x.outages, x.did = map[string]bool{}, nil, map[actKind]int{}
	var all sync.WaitGroup
	livers := make([]*liver, len(p.lives))
	for i, l := range p.lives {
		livers[i] = &liver{torture: x, id: x.slots[i], plan: l, did: map[string]bool{}, code: map[string]uint32{}}
		all.Go(livers[i].run)
	}
	var found []finding
	note := func(kind, format string, args ...any) {
		found = append(found, finding{kind, fmt.Sprintf(format, args...)})
	}
	all.Go(func() {
		if why := script.Guard(func() { x.rage(p.acts) }); why != "" {
			note("the rig does not work", "%s", why)
		}
	})
	all.Wait()

	for i, l := range livers {
		if err := x.scrap(l); err != nil {
			note("id cannot be used again", "%s: %v", l.id, err)
			x.slots[i] = l.id + "x"
		}
		// containerd keeps the bundle of a container whose delete command failed, until it starts again, and has no other of that id.
		if x.cut[l.id] {
			x.slots[i] = l.id + "x"
		}
		for _, p := range l.streams {
			p.Close()
		}
	}
	if left := t.machine.Settle(before, settleBound/4); left != "" {
		// A later shim finishes what could not be done.
		if err := x.sweep(seed); err != nil {
			note("machine does not work any more", "%v", err)
		}
		left = t.machine.Settle(before, settleBound)
		for _, what := range strings.Split(strings.TrimPrefix(left, "left behind: "), ", ") {
			if kind, _, ok := strings.Cut(what, " "); ok {
				note(kind+" left behind", "%s", what)
			}
		}
	}
	shims, err := node.GoneWithin(node.ShimExe(t.o.runtime), settleBound)
	if err != nil {
		note("the rig does not work", "%v", err)
	}
	for _, p := range shims {
		line, _ := p.CommandLine()
		note("shim left behind", "%d %s", p.PID, line)
		t.Say("%s", stacksOf(t.o.namespace, line))
		if err := p.Kill(); err != nil { // it is counted once
			note("the rig does not work", "%v", err)
		}
	}
	ledgers := leftLedgers(t.o.ledgers, t.o.namespace, x.cut)
	if len(ledgers) > 0 { // what was given back, but the service did not say so
		if err := x.sweep(seed); err != nil {
			note("machine does not work any more", "%v", err)
		}
		ledgers = leftLedgers(t.o.ledgers, t.o.namespace, x.cut)
	}
	for _, f := range ledgers {
		note("ledger left behind", "%s", f)
	}
	for _, l := range livers {
		for _, f := range x.judge(l, len(p.acts) == 0) {
			found = append(found, f)
			if t.o.verbose {
				t.Say("  %s: told %v, refused %q, events %s", l.id, l.did, l.errs, words(x.ev.of(l.id)))
			}
		}
	}
	t.Say("seed %d: %s: %d findings (%.1f s)", seed, x.story(), len(found), time.Since(began).Seconds())
	for _, f := range found {
		x.count[f.kind]++
		t.Say("  %s: %s", f.kind, f.text)
	}
	return len(found)
}

// finding is something that must not be.
type finding struct{ kind, text string }

// story says what went wrong in the round on purpose.
func (x *torture) story() string {
	var parts []string
	for _, k := range []actKind{killShim, killDaemon, addFault, restartHCS} {
		if n := x.did[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", n, k))
		}
	}
	if parts == nil {
		return "quiet"
	}
	return strings.Join(parts, ", ")
}

func (x *torture) waitForDaemon() *containerd.Client {
	x.mu.Lock()
	up := x.up
	x.mu.Unlock()
	select {
	case <-up:
	case <-x.t.Ctx.Done():
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.client
}

func (x *torture) newContainer(ctx context.Context, c *containerd.Client, id string, p prog) (containerd.Container, error) {
	image, err := c.GetImage(ctx, x.t.o.image)
	if err != nil {
		return nil, err
	}
	set := func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Process.Args = app(p.args...)
		return nil
	}
	return c.NewContainer(ctx, id, containerd.WithImage(image), containerd.WithSnapshotter(x.t.o.snapshotter),
		containerd.WithNewSnapshot(id, image), containerd.WithRuntime(x.t.o.runtime, nil),
		containerd.WithNewSpec(oci.WithDefaultSpec(), oci.WithImageConfig(image), set))
}

// scrap removes what a life has left, as a client does that wants the id back.
func (x *torture) scrap(l *liver) error {
	t := x.t
	var err error
	for end := time.Now().Add(scrapBound); ; {
		ctx, cancel := context.WithTimeout(t.Ctx, 20*time.Second)
		err = t.scrap(ctx, &Box{Proc: Proc{t: t, id: l.id}})
		if err == nil { // a snapshot whose container was never made
			if serr := t.client.SnapshotService(t.o.snapshotter).Remove(ctx, l.id); serr != nil && !errdefs.IsNotFound(serr) {
				err = fmt.Errorf("remove snapshot: %w", serr)
			}
		}
		cancel()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// sweep is a task's life in peace: a shim that starts finishes what others could not.
func (x *torture) sweep(seed uint64) error {
	id := fmt.Sprintf("torture-%s-sweep-%d", x.t.runID, seed)
	l := &liver{torture: x, id: id, plan: life{program: prog{args: []string{"exit", "3"}, ends: true}, start: true}, did: map[string]bool{}, code: map[string]uint32{}}
	l.run()
	err := x.scrap(l)
	if l.code[""] != 3 {
		err = errors.Join(err, fmt.Errorf("a task in peace: %v, told %v, codes %v", l.errs, l.did, l.code))
	}
	return err
}

// leftLedgers lists the shim's records of what is held, and the files that say who holds it. Those that were cut are the ids whose delete
// command was killed: how the container ended stays on record for the next one, for an hour.
func leftLedgers(dir, namespace string, cut map[string]bool) []string {
	if dir == "" {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for id, was := range cut {
		led, err := ledger.Open(dir, namespace, id)
		if was && err == nil && led.Exit() != nil && !led.WasTold() && len(led.Held()) == 0 {
			files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == ledger.FileName(id)+".ledger" })
		}
	}
	var left []string
	for end := time.Now().Add(ledgersBound); ; time.Sleep(50 * time.Millisecond) {
		left = left[:0]
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil {
				left = append(left, filepath.Base(f)+": "+strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", "; "))
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}
