package limits

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/annotation"
)

func ptr[T any](v T) *T { return &v }

func memoryOf(bytes uint64) *specs.WindowsResources {
	return &specs.WindowsResources{Memory: &specs.WindowsMemoryResources{Limit: &bytes}}
}

func cpuOf(c specs.WindowsCPUResources) *specs.WindowsResources {
	return &specs.WindowsResources{CPU: &c}
}

// affinityOf and groups take pairs of a group and a mask.
func affinityOf(pairs ...uint64) *specs.WindowsResources {
	var list []specs.WindowsCPUGroupAffinity
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, specs.WindowsCPUGroupAffinity{Group: uint32(pairs[i]), Mask: pairs[i+1]})
	}
	return cpuOf(specs.WindowsCPUResources{Affinity: list})
}

func groups(pairs ...uint64) (list []schema.GroupAffinity) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, schema.GroupAffinity{Group: uint16(pairs[i]), Mask: pairs[i+1]})
	}
	return list
}

// four has four processors.
var four = Host{Groups: []int{4}}

func (p Plan) equal(q Plan) bool { return reflect.DeepEqual(p, q) }

const mib = 1 << 20

// TestChanges: what a change makes of what was asked for before.
func TestChanges(t *testing.T) {
	both := &specs.WindowsResources{
		Memory: &specs.WindowsMemoryResources{Limit: ptr(uint64(256 * mib))},
		CPU:    &specs.WindowsCPUResources{Count: ptr(uint64(2))},
	}
	byAnnotation := annotation.Values{MemoryMB: ptr(uint64(384))}
	for name, c := range map[string]struct {
		from Asked
		by   Change
		want Plan
		err  string
	}{
		"nothing":                        {Asked{Resources: both}, Change{}, Plan{MemoryMB: 256, Processor: schema.Processor{Count: 2}}, ""},
		"memory only":                    {Asked{Resources: both}, Change{Resources: memoryOf(512 * mib)}, Plan{MemoryMB: 512, Processor: schema.Processor{Count: 2}}, ""},
		"another kind of CPU":            {Asked{Resources: both}, Change{Resources: cpuOf(specs.WindowsCPUResources{Maximum: ptr(uint16(5000))})}, Plan{MemoryMB: 256, Processor: schema.Processor{Maximum: 5000}}, ""},
		"empty sections":                 {Asked{Resources: both}, Change{Resources: &specs.WindowsResources{Memory: &specs.WindowsMemoryResources{}, CPU: &specs.WindowsCPUResources{}, Storage: &specs.WindowsStorageResources{}}}, Plan{MemoryMB: 256, Processor: schema.Processor{Count: 2}}, ""},
		"to a container without limits":  {Asked{}, Change{Resources: both}, Plan{MemoryMB: 256, Processor: schema.Processor{Count: 2}}, ""},
		"two kinds of CPU":               {Asked{Resources: both}, Change{Resources: cpuOf(specs.WindowsCPUResources{Count: ptr(uint64(2)), Shares: ptr(uint16(5))})}, Plan{}, "windows.resources.cpu.count windows.resources.cpu.shares"},
		"affinity":                       {Asked{Resources: both, Host: four}, Change{Resources: affinityOf(0, 5)}, Plan{MemoryMB: 256, Processor: schema.Processor{Count: 2}, Affinity: groups(0, 5)}, ""},
		"affinity that stays":            {Asked{Resources: affinityOf(0, 5), Host: four}, Change{Resources: both}, Plan{MemoryMB: 256, Processor: schema.Processor{Count: 2}, Affinity: groups(0, 5)}, ""},
		"affinity of two groups":         {Asked{Resources: both, Host: Host{Build: 20348, Groups: []int{48, 48}}}, Change{Resources: affinityOf(1, 3, 0, 1)}, Plan{MemoryMB: 256, Processor: schema.Processor{Count: 2}, Affinity: groups(0, 1, 1, 3)}, ""},
		"affinity of two groups, 1809":   {Asked{Host: Host{Build: 17763, Groups: []int{48, 48}}}, Change{Resources: affinityOf(0, 3, 1, 1)}, Plan{}, "windows.resources.cpu.affinity[0]: Windows build 17763"},
		"affinity of group 1, 1809":      {Asked{Host: Host{Build: 17763, Groups: []int{48, 48}}}, Change{Resources: affinityOf(1, 1)}, Plan{}, "windows.resources.cpu.affinity[0]: Windows build 17763"},
		"affinity to nothing":            {Asked{Host: four}, Change{Resources: affinityOf(0, 0)}, Plan{}, "windows.resources.cpu.affinity[0]: the mask"},
		"affinity twice":                 {Asked{Host: Host{Build: 20348, Groups: []int{4}}}, Change{Resources: affinityOf(0, 1, 0, 2)}, Plan{}, "windows.resources.cpu.affinity[1]: group 0 is there twice"},
		"affinity beyond the host":       {Asked{Host: four}, Change{Resources: affinityOf(0, 16)}, Plan{}, "windows.resources.cpu.affinity[0]: the mask 0x10"},
		"affinity beyond the groups":     {Asked{Host: Host{Build: 20348, Groups: []int{64}}}, Change{Resources: affinityOf(1, 1)}, Plan{}, "windows.resources.cpu.affinity[0]: the host has no processor group 1"},
		"affinity to all of 64":          {Asked{Host: Host{Groups: []int{64}}}, Change{Resources: affinityOf(0, 1<<64-1)}, Plan{Affinity: groups(0, 1<<64-1)}, ""},
		"less than a MiB":                {Asked{}, Change{Resources: memoryOf(5)}, Plan{}, "windows.resources.memory.limit"},
		"memory that is repeated":        {Asked{Resources: memoryOf(256 * mib), Annotations: byAnnotation}, Change{Resources: memoryOf(256 * mib)}, Plan{MemoryMB: 384}, ""},
		"memory after an annotation":     {Asked{Resources: memoryOf(256 * mib), Annotations: byAnnotation}, Change{Resources: memoryOf(512 * mib)}, Plan{MemoryMB: 512}, ""},
		"memory with an annotation":      {Asked{Resources: memoryOf(256 * mib), Annotations: byAnnotation}, Change{Resources: memoryOf(512 * mib), Annotations: annotation.Values{MemoryMB: ptr(uint64(640))}}, Plan{MemoryMB: 640}, ""},
		"annotation of another kind":     {Asked{Annotations: annotation.Values{ProcessorCount: ptr(int32(1))}}, Change{Annotations: annotation.Values{ProcessorWeight: ptr(int32(7))}}, Plan{Processor: schema.Processor{Weight: 7}}, ""},
		"two annotations of CPU":         {Asked{}, Change{Annotations: annotation.Values{ProcessorCount: ptr(int32(1)), ProcessorWeight: ptr(int32(7))}}, Plan{}, annotation.CPUCount + " " + annotation.CPUWeight},
		"affinity beside annotation":     {Asked{Host: four}, Change{Resources: affinityOf(0, 1), Annotations: annotation.Values{ProcessorCount: ptr(int32(1))}}, Plan{Processor: schema.Processor{Count: 1}, Affinity: groups(0, 1)}, ""},
		"affinity keeps an annotation":   {Asked{Host: four, Annotations: annotation.Values{ProcessorCount: ptr(int32(1))}}, Change{Resources: affinityOf(0, 1)}, Plan{Processor: schema.Processor{Count: 1}, Affinity: groups(0, 1)}, ""},
		"more processors than there are": {Asked{Host: four}, Change{Resources: cpuOf(specs.WindowsCPUResources{Count: ptr(uint64(64))})}, Plan{Processor: schema.Processor{Count: 4}}, ""},
	} {
		got, err := c.from.With(c.by).Plan()
		switch {
		case c.err == "" && (err != nil || !got.equal(c.want)):
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}

func TestWhatCannotChange(t *testing.T) {
	limited := Plan{MemoryMB: 256, Processor: schema.Processor{Weight: 5}, Affinity: groups(0, 1)}
	for field, to := range map[string]Plan{
		"windows.resources.memory.limit": {Processor: limited.Processor, Affinity: limited.Affinity},
		"windows.resources.cpu":          {MemoryMB: 256, Affinity: limited.Affinity},
		"windows.resources.cpu.affinity": {MemoryMB: 256, Processor: limited.Processor},
		"windows.resources.storage":      {MemoryMB: 256, Processor: limited.Processor, Affinity: limited.Affinity, QoS: schema.StorageQoS{IopsMaximum: 5}},
	} {
		if _, err := Steps(four, limited, to, false); err == nil || !strings.Contains(err.Error(), field) || !errors.Is(err, errdefs.ErrNotImplemented) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// apply is what a container is after a request.
func apply(t *testing.T, p Plan, r Request) Plan {
	if r.Modify == nil {
		p.Affinity = r.Affinity
		return p
	}
	switch r := r.Modify; r.ResourcePath {
	case schema.PathMemorySize:
		p.MemoryMB = r.Settings.(uint64)
	case schema.PathProcessor:
		p.Processor = r.Settings.(schema.Processor)
	default:
		t.Fatalf("request to %s", r.ResourcePath)
	}
	return p
}

// TestStepsLead: the steps lead from any plan to any other; cut after any of them, what takes them back leads to the old plan, or to the
// limit that is none.
func TestStepsLead(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() (p Plan) {
		if rng.IntN(3) > 0 {
			p.MemoryMB = uint64(1 + rng.IntN(3))
		}
		n := int32(1 + rng.IntN(3))
		p.Processor = []schema.Processor{{}, {Count: n}, {Maximum: n}, {Weight: n}}[rng.IntN(4)]
		if rng.IntN(3) > 0 {
			p.Affinity = groups(0, 1+rng.Uint64N(3))
		}
		return p
	}
	for range 5000 {
		from, to, doubt := random(), random(), rng.IntN(4) == 0
		steps, err := Steps(four, from, to, doubt)
		if len(from.Affinity) > 0 && len(to.Affinity) == 0 || from.MemoryMB != 0 && to.MemoryMB == 0 || from.Processor != (schema.Processor{}) && to.Processor == (schema.Processor{}) {
			if err == nil {
				t.Fatalf("%+v to %+v: no error", from, to)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !doubt && from.equal(to) && len(steps) > 0 {
			t.Fatalf("%+v: steps to itself", from)
		}
		now := from
		for i, s := range steps {
			if s.Back == nil && i < len(steps)-1 {
				t.Fatalf("%+v to %+v: %s cannot be taken back and is not the last", from, to, s.Name)
			}
			back := now
			for j := i - 1; j >= 0; j-- { // step i has failed
				back = apply(t, back, *steps[j].Back)
			}
			if from.Processor == (schema.Processor{}) && back.Processor == wholeHost {
				back.Processor = schema.Processor{}
			}
			if len(from.Affinity) == 0 && slices.Equal(back.Affinity, four.all()) {
				back.Affinity = nil
			}
			if !back.equal(from) {
				t.Fatalf("%+v to %+v: taken back after %d steps it is %+v", from, to, i, back)
			}
			now = apply(t, now, s.Do)
		}
		if !now.equal(to) {
			t.Fatalf("%+v to %+v: the steps lead to %+v", from, to, now)
		}
	}
}
