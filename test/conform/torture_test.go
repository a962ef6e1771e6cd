package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/task/ledger"
)

func TestARoundIsDrawnFromItsSeed(t *testing.T) {
	kinds := map[actKind]bool{}
	for seed := range uint64(200) {
		p := drawRound(seed, 20)
		if !reflect.DeepEqual(p, drawRound(seed, 20)) {
			t.Fatalf("seed %d draws two rounds", seed)
		}
		if len(p.lives) != 20 || reflect.DeepEqual(p, drawRound(seed+1, 20)) {
			t.Fatalf("seed %d: %+v", seed, p)
		}
		for _, a := range p.acts {
			kinds[a.kind] = true
			if a.at < 0 || a.at > rageTime {
				t.Errorf("seed %d: %+v", seed, a)
			}
			if a.kind != addFault {
				continue
			}
			if _, err := fault.Parse(a.rule); err != nil {
				t.Error(err)
			}
		}
		for _, l := range p.lives {
			if !l.program.ends && l.signal == 0 {
				t.Errorf("seed %d: nothing ends %v", seed, l.program)
			}
		}
	}
	if len(kinds) != 4 {
		t.Errorf("kinds of acts: %v", kinds)
	}
}

// told makes events of words: "topic" or "topic exec".
func told(words string) []event {
	var evs []event
	for i, w := range strings.Split(words, ", ") {
		topic, exec, _ := strings.Cut(w, " ")
		e := event{topic: topic, exec: exec, at: time.Unix(int64(i), 0)}
		if topic == "exit" {
			e.body = &apievents.TaskExit{ExitedAt: timestamppb.New(e.at)}
		}
		if topic == "delete" {
			e.body = &apievents.TaskDelete{ExitedAt: timestamppb.New(e.at)}
		}
		evs = append(evs, e)
	}
	return evs
}

func TestWrongEvents(t *testing.T) {
	away := []outage{{time.Unix(100, 0), time.Unix(110, 0)}}
	all := map[string]bool{"create": true, "start": true, "delete": true}
	const whole = "create, start, exec-added x, exec-started x, exit x, exit, delete"
	for name, c := range map[string]struct {
		told string
		a    account
		want string // part of what is wrong, empty for nothing
	}{
		"whole":                            {whole, account{did: all}, ""},
		"an exec that was deleted":         {"create, start, exec-added x, exec-started x, exit x, delete x, exit, delete", account{}, ""},
		"never started":                    {"create, delete", account{did: map[string]bool{"create": true}}, ""},
		"no exit":                          {"create, start, delete", account{}, "start and no exit"},
		"no exit of an exec":               {"create, start, exec-added x, exec-started x, exit, delete", account{}, "exec-started x and no exit x"},
		"exec after its task":              {"create, start, exec-added x, exec-started x, exit, exit x, delete", account{}, "exit comes before exit x"},
		"exit first":                       {"create, exit, start, delete", account{}, "exit comes before start"},
		"event after delete":               {"create, start, delete, exit", account{}, "delete comes before exit"},
		"start first":                      {"start, create, exit, delete", account{}, "start comes before create"},
		"exit twice":                       {"create, start, exit, exit, delete", account{}, "exit comes twice"},
		"exec's exit twice":                {"create, start, exec-added x, exec-started x, exit x, exit x, exit, delete", account{}, "exit x comes twice"},
		"told and no event":                {"create, start, exit", account{did: all}, "delete was answered and is not told"},
		"dead shim, exit told twice":       {"create, start, exit, exit, delete", account{shimKilled: true, did: all}, ""},
		"dead shim, exec's exit lost":      {"create, start, exec-added x, exec-started x, exit, delete", account{shimKilled: true}, ""},
		"dead shim, exec's exit twice":     {"create, start, exec-added x, exec-started x, exit x, exit x", account{shimKilled: true}, "exit x comes twice"},
		"exit lost with containerd":        {"create, start, delete", account{outages: away, exited: time.Unix(99, 0)}, ""},
		"exit lost long before containerd": {"create, start, delete", account{outages: away, exited: time.Unix(90, 0)}, "start and no exit"},
		"exit lost after containerd":       {"create, start, delete", account{outages: away, exited: time.Unix(120, 0)}, "start and no exit"},
		"exec's exit lost with containerd": {"create, start, exec-added x, exec-started x, delete x, exit, delete", account{outages: []outage{{time.Unix(4, 0), time.Unix(5, 0)}}, exited: time.Unix(90, 0)}, ""},
		"exec's exit lost before that":     {"create, start, exec-added x, exec-started x, delete x, exit, delete", account{outages: away, exited: time.Unix(105, 0)}, "exec-started x and no exit x"},
		"order, although containerd died":  {"create, start, delete, exit", account{outages: away}, "delete comes before exit"},
	} {
		wrong := strings.Join(wrongEvents(told(c.told), c.a), "; ")
		if (wrong == "") != (c.want == "") || !strings.Contains(wrong, c.want) {
			t.Errorf("%s: %q, want %q", name, wrong, c.want)
		}
	}
	again := told(whole)
	again = append(again[:6:6], again[5], again[6])
	if w := wrongEvents(again, account{outages: away}); len(w) > 0 {
		t.Errorf("an event that was not confirmed came again: %v", w)
	}
	if w := wrongEvents(again, account{}); len(w) == 0 {
		t.Error("an event twice, and containerd did not die")
	}
}

func TestTallies(t *testing.T) {
	var b bytes.Buffer
	ours := Tally{Runtime: "io.containerd.hcs.v1", Seed: 7, Rounds: 3}
	peer := Tally{Runtime: "io.containerd.runhcs.v1", Seed: 7, Rounds: 3, Findings: map[string]int{"layer left behind": 2, "event": 1}}
	if n := tallyTable([]Tally{ours, peer}, &b); n != 0 {
		t.Errorf("ours has %d findings", n)
	}
	if n := tallyTable([]Tally{peer}, &b); n != 3 {
		t.Errorf("the peer has %d findings", n)
	}
	for _, want := range []string{"io.containerd.runhcs.v1", "layer left behind", "first seed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// What a container holds is never to stay on record; how it ended stays when nobody could tell.
func TestLeftLedgers(t *testing.T) {
	dir := t.TempDir()
	for _, id := range []string{"ended", "told", "holds", "cut-and-holds", "cut-and-told"} {
		led, err := ledger.Open(dir, "default", id)
		if err == nil {
			err = led.Claim(ledger.Entry{Kind: ledger.System, ID: id})
		}
		if err == nil && !strings.Contains(id, "holds") {
			err = led.Released(ledger.Entry{Kind: ledger.System, ID: id})
		}
		if err == nil {
			err = led.Ended(ledger.Exit{Code: 7})
		}
		if err == nil && strings.Contains(id, "told") {
			err = led.Told()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	found := func(cut map[string]bool) int { return len(leftLedgers(dir, "default", cut)) }
	all := map[string]bool{"ended": true, "cut-and-holds": true, "cut-and-told": true, "was-never": true, "told": false}
	synctest.Test(t, func(t *testing.T) {
		if n := found(nil); n != 5 {
			t.Errorf("%d of 5 are found", n)
		}
		if n := found(all); n != 4 {
			t.Errorf("%d are found, want all but that of which only the exit is left", n)
		}
	})
}
