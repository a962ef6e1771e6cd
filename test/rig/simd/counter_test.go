package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"containerd-shim-hcs/hcs"
)

// value is the one value of a counter.
func (p *peer) value(path string) uint64 {
	p.Helper()
	got := p.ok("SimCounter", path)
	if len(got) != 4 {
		p.Fatalf("%s: %q, want a type, a time and one instance", path, got)
	}
	n, err := strconv.ParseUint(got[3], 10, 64)
	if err != nil {
		p.Fatal(err)
	}
	return n
}

func TestCounters(t *testing.T) {
	r := newRig(t)
	p := r.connect("kubelet.exe")
	if got := p.ok("SimCounter", `\Processor(*)\% Processor Time`); len(got) != 2+2*3 || got[0] != fmt.Sprint(uint32(idleTimer)) || got[2] != "0" || got[4] != "1" || got[6] != "_Total" {
		t.Errorf("processors %q", got)
	}
	for path, want := range map[string]uint64{
		`\Process(_Total)\Working Set - Private`: 0, `\Memory\Committed Bytes`: 0, `\\.\memory\COMMIT LIMIT`: 8192 << 20,
	} {
		if got := p.value(path); got != want {
			t.Errorf("%s is %d, want %d", path, got, want)
		}
	}
	p.running("web")
	p.run(2, "alloc 8MiB; burn 50ms; sleep 1h")
	r.until("in use", func() bool { return p.value(`\Memory\Committed Bytes`) >= 8<<20 })
	if got := p.value(`\Process(_Total)\Working Set - Private`); got < 8<<20 {
		t.Errorf("private working set %d", got)
	}
	// The processors are busy: of the time that passes, less than all is idle. And a system's end takes none of it back.
	busy := func() uint64 {
		got := p.ok("SimCounter", `\Processor(_Total)\% Processor Time`)
		passed, err := strconv.ParseUint(got[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return passed - min(passed, p.value(`\Processor(1)\% Processor Time`))
	}
	r.until("busy", func() bool { return busy() >= 50*10_000/2*9/10 }) // 50 ms on two processors; the clock moves between the two calls
	before := busy()
	p.ok("HcsTerminateComputeSystem", "2", "1", "")
	r.until("gone", func() bool { return p.value(`\Memory\Committed Bytes`) == 0 })
	if after := busy(); after < before*9/10 {
		t.Errorf("busy for %d and after the end for %d", before, after)
	}
}

func TestCountersOfAdapters(t *testing.T) {
	r := newRig(t)
	p := r.connect("kubelet.exe")
	p.fails(pdhNoInstance, "SimCounter", `\Network Adapter(*)\Bytes Sent/sec`) // no network, no adapter
	network := r.srv.svc.AddNetwork("nat")
	r.srv.svc.AddNetwork("other")
	endpoint := r.srv.svc.AddEndpoint(network, "e")
	r.srv.svc.AddTraffic(hcs.Traffic{Endpoint: endpoint, BytesSent: 1, BytesReceived: 2, PacketsSent: 3, PacketsReceived: 4, DroppedIncoming: 5, DroppedOutgoing: 6})
	total := func(counter string) (sum uint64) {
		got := p.ok("SimCounter", `\Network Adapter(*)\`+counter)
		if len(got) != 2+2*2 || !strings.HasPrefix(got[2], "Hyper-V Virtual Ethernet Adapter") || got[2] == got[4] {
			t.Fatalf("%s: %q", counter, got)
		}
		for _, v := range []string{got[3], got[5]} {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		return sum
	}
	want := map[string]uint64{
		"Bytes Sent/sec": 1, "Bytes Received/sec": 2, "Packets Sent/sec": 3, "Packets Received/sec": 4,
		"Packets Received Discarded": 5, "Packets Outbound Discarded": 6, "Packets Received Errors": 0, "Packets Outbound Errors": 0,
	}
	for counter, n := range want {
		if got := total(counter); got != n {
			t.Errorf("%s is %d, want %d", counter, got, n)
		}
	}
	// What an endpoint has done is not undone by its end.
	p.ok("HcnDeleteEndpoint", endpoint)
	for counter, n := range want {
		if got := total(counter); got != n {
			t.Errorf("%s after the endpoint's end is %d, want %d", counter, got, n)
		}
	}
}

func TestCountersThatAreNotThere(t *testing.T) {
	p := newRig(t).connect("kubelet.exe")
	for path, want := range map[string]hcs.Code{
		`\Rockets(_Total)\Fuel`:                pdhNoObject,
		`\Memory\Fuel`:                         pdhNoCounter,
		`\Processor(9)\% Processor Time`:       pdhNoInstance,
		`\Processor\% Processor Time`:          pdhInvalidInstance,
		`\Memory(_Total)\Committed Bytes`:      pdhInvalidInstance,
		`\\moon\Memory\Committed Bytes`:        pdhNoMachine,
		`\Memory`:                              pdhNoCounterName,
		`\Memory\`:                             pdhNoCounterName,
		`Memory\Committed Bytes`:               pdhBadCounterName,
		`\Processor(_Total\% Processor Time`:   pdhBadCounterName,
		`\Processor()\% Processor Time`:        pdhBadCounterName,
		`\(_Total)\% Processor Time`:           pdhBadCounterName,
		`\\moon`:                               pdhBadCounterName,
		``:                                     pdhBadCounterName,
		`\Network Adapter(x\y)\Bytes Sent/sec`: pdhNoInstance,
	} {
		p.fails(want, "SimCounter", path)
	}
}

func TestMeter(t *testing.T) {
	m := newMeter()
	for i, step := range []struct {
		now  map[string]uint64
		want uint64
	}{
		{map[string]uint64{"a": 5}, 5},
		{map[string]uint64{"a": 7, "b": 1}, 8},
		{map[string]uint64{"b": 2}, 9},
		{map[string]uint64{}, 9},
		{map[string]uint64{"a": 1}, 10}, // another a
	} {
		if got := m.total("x", step.now); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
	if got := m.total("y", map[string]uint64{"a": 3}); got != 3 {
		t.Errorf("another meter: %d", got)
	}
}
