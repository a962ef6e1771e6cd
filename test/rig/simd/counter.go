package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

// Status codes of PDH, of "Performance Data Helper error codes" in Microsoft's documentation.
const (
	pdhNoMachine       hcs.Code = 0x800007D0 // PDH_CSTATUS_NO_MACHINE
	pdhNoInstance      hcs.Code = 0x800007D1 // PDH_CSTATUS_NO_INSTANCE
	pdhNoObject        hcs.Code = 0xC0000BB8 // PDH_CSTATUS_NO_OBJECT
	pdhNoCounter       hcs.Code = 0xC0000BB9 // PDH_CSTATUS_NO_COUNTER
	pdhNoCounterName   hcs.Code = 0xC0000BBF // PDH_CSTATUS_NO_COUNTERNAME
	pdhBadCounterName  hcs.Code = 0xC0000BC0 // PDH_CSTATUS_BAD_COUNTERNAME
	pdhInvalidInstance hcs.Code = 0xC0000BC5 // PDH_INVALID_INSTANCE
)

// counterType says how a value is shown: "Performance counter types" in the same documentation.
type counterType uint32

const (
	rawCount   counterType = 0x00010000 // PERF_COUNTER_RAWCOUNT, as it is
	largeCount counterType = 0x00010100 // PERF_COUNTER_LARGE_RAWCOUNT, as it is
	bulkCount  counterType = 0x10410500 // PERF_COUNTER_BULK_COUNT, per second
	idleTimer  counterType = 0x21510500 // PERF_100NSEC_TIMER_INV, the part of the time in which it did not grow, in percent
)

// sample is one instance's raw value. The instance is empty for an object that has none.
type sample struct {
	instance string
	value    uint64
}

// counterPath is \\Machine\Object(Parent/Instance#Index)\Counter, of which the machine, the instance and its parts may be missing.
type counterPath struct {
	machine, object, instance, counter string
	hasInstance                        bool
}

func parseCounterPath(path string) (p counterPath, err error) {
	bad := func(why string) (counterPath, error) {
		return p, refusal(pdhBadCounterName, fmt.Sprintf("counter path %q: %s", path, why))
	}
	rest := path
	if strings.HasPrefix(rest, `\\`) {
		machine, after, found := strings.Cut(rest[2:], `\`)
		if !found || machine == "" {
			return bad("no object")
		}
		p.machine, rest = machine, `\`+after
	}
	if !strings.HasPrefix(rest, `\`) {
		return bad("it does not begin with a backslash")
	}
	// An instance may have a backslash in its name, a counter may not.
	at := strings.LastIndexByte(rest, '\\')
	object, counter := strings.TrimPrefix(rest[:at], `\`), rest[at+1:]
	if at == 0 || counter == "" {
		return p, refusal(pdhNoCounterName, fmt.Sprintf("counter path %q has no counter", path))
	}
	p.counter = counter
	if open := strings.IndexByte(object, '('); open >= 0 {
		if !strings.HasSuffix(object, ")") {
			return bad("the instance has no end")
		}
		p.instance, p.hasInstance = object[open+1:len(object)-1], true
		object = object[:open]
		if p.instance == "" {
			return bad("the instance is empty")
		}
	}
	if object == "" {
		return bad("no object")
	}
	p.object = object
	return p, nil
}

// counter is one that the simulated machine has.
type counter struct {
	object, name string
	instances    bool // whether the object has instances
	kind         counterType
	read         func(m *meter, l sim.Load, passed uint64) []sample // passed: 100 ns since the service's start
}

// counters are what a kubelet asks for (pkg/kubelet/winstats).
var counters = []counter{
	{"Processor", "% Processor Time", true, idleTimer, processorIdle},
	{"Process", "Working Set - Private", true, largeCount, func(_ *meter, l sim.Load, _ uint64) []sample {
		return []sample{{"_Total", sum(l, func(u sim.Usage) uint64 { return u.PrivateSet })}}
	}},
	{"Memory", "Committed Bytes", false, largeCount, func(_ *meter, l sim.Load, _ uint64) []sample {
		return []sample{{"", sum(l, func(u sim.Usage) uint64 { return u.CommitBytes })}}
	}},
	{"Memory", "Commit Limit", false, largeCount, func(_ *meter, l sim.Load, _ uint64) []sample { return []sample{{"", l.MemoryMB << 20}} }},
	adapter("Packets Received/sec", bulkCount, func(t hcs.Traffic) uint64 { return t.PacketsReceived }),
	adapter("Packets Sent/sec", bulkCount, func(t hcs.Traffic) uint64 { return t.PacketsSent }),
	adapter("Bytes Received/sec", bulkCount, func(t hcs.Traffic) uint64 { return t.BytesReceived }),
	adapter("Bytes Sent/sec", bulkCount, func(t hcs.Traffic) uint64 { return t.BytesSent }),
	adapter("Packets Received Discarded", rawCount, func(t hcs.Traffic) uint64 { return t.DroppedIncoming }),
	adapter("Packets Outbound Discarded", rawCount, func(t hcs.Traffic) uint64 { return t.DroppedOutgoing }),
	// HNS counts no errors.
	adapter("Packets Received Errors", rawCount, func(hcs.Traffic) uint64 { return 0 }),
	adapter("Packets Outbound Errors", rawCount, func(hcs.Traffic) uint64 { return 0 }),
}

func sum(l sim.Load, of func(sim.Usage) uint64) (total uint64) {
	for _, u := range l.Systems {
		total += of(u)
	}
	return total
}

// processorIdle is the time in which each processor did nothing. Which one a container ran on is not known: they are all as busy.
func processorIdle(m *meter, l sim.Load, passed uint64) []sample {
	busy := map[string]uint64{}
	for id, u := range l.Systems {
		busy[id] = u.User100ns + u.Kernel100ns
	}
	each := m.total("processor", busy) / uint64(max(l.Processors, 1)) //nolint:gosec // positive
	idle := passed - min(each, passed)
	list := []sample{}
	for i := range l.Processors {
		list = append(list, sample{fmt.Sprint(i), idle})
	}
	return append(list, sample{"_Total", idle})
}

// adapter is a counter of network adapters: there is one for each network, and what passes through its endpoints passes through it.
func adapter(name string, kind counterType, of func(hcs.Traffic) uint64) counter {
	return counter{"Network Adapter", name, true, kind, func(m *meter, l sim.Load, _ uint64) (list []sample) {
		for i, n := range l.Networks {
			now := map[string]uint64{}
			for _, t := range n.Endpoints {
				now[t.Endpoint] = of(t)
			}
			instance := "Hyper-V Virtual Ethernet Adapter"
			if i > 0 { // as PDH writes the adapter's "#2"
				instance = fmt.Sprintf("%s _%d", instance, i+1)
			}
			list = append(list, sample{instance, m.total(name+" "+n.ID, now)})
		}
		return list
	}}
}

// meter makes counts that never fall of things that come and go: what was last seen of one that is gone still counts.
type meter struct {
	since time.Time

	mu   sync.Mutex
	last map[string]map[string]uint64 // by meter, by thing
	gone map[string]uint64
}

func newMeter() *meter {
	return &meter{since: time.Now(), last: map[string]map[string]uint64{}, gone: map[string]uint64{}}
}

func (m *meter) total(name string, now map[string]uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, v := range m.last[name] {
		if _, there := now[id]; !there {
			m.gone[name] += v
		}
	}
	m.last[name] = now
	total := m.gone[name]
	for _, v := range now {
		total += v
	}
	return total
}

// find is the counter of a path. An object that has instances needs one in the path, the others must have none.
func find(p counterPath) (*counter, error) {
	if p.machine != "" && p.machine != "." && !strings.EqualFold(p.machine, "localhost") {
		return nil, refusal(pdhNoMachine, fmt.Sprintf("machine %q: there is this one only", p.machine))
	}
	object := false
	for i := range counters {
		c := &counters[i]
		if !strings.EqualFold(c.object, p.object) {
			continue
		}
		object = true
		if !strings.EqualFold(c.name, p.counter) {
			continue
		}
		if c.instances != p.hasInstance {
			return nil, refusal(pdhInvalidInstance, fmt.Sprintf("object %q with instances: %t, path with one: %t", c.object, c.instances, p.hasInstance))
		}
		return c, nil
	}
	if object {
		return nil, refusal(pdhNoCounter, fmt.Sprintf("object %q has no counter %q", p.object, p.counter))
	}
	return nil, refusal(pdhNoObject, fmt.Sprintf("no object %q", p.object))
}

// readCounter is a path's counter now, of the instances that the path names: "*" is all of them. The time is in 100 ns since the service's
// start.
func (s *server) readCounter(path string) (kind counterType, now uint64, list []sample, err error) {
	p, err := parseCounterPath(path)
	if err != nil {
		return 0, 0, nil, err
	}
	c, err := find(p)
	if err != nil {
		return 0, 0, nil, err
	}
	load := s.svc.Load()
	now = uint64(time.Since(s.meter.since) / 100) //nolint:gosec // positive
	list = slices.DeleteFunc(c.read(s.meter, load, now), func(v sample) bool {
		return p.hasInstance && p.instance != "*" && !strings.EqualFold(p.instance, v.instance)
	})
	if len(list) == 0 {
		return 0, 0, nil, refusal(pdhNoInstance, fmt.Sprintf("object %q has no instance %q", p.object, p.instance))
	}
	return c.kind, now, list, nil
}
