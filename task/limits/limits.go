// Package limits is the room for CPU, memory and I/O limits: from the spec and its annotations to the document's fields. Create
// and Update use the same function, Resolve, so that they cannot disagree; Steps are the requests between two of its outcomes.
package limits

import (
	"fmt"
	"math"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/annotation"
)

// Plan is what the container may use; zero means unlimited.
type Plan struct {
	MemoryMB  uint64
	Processor schema.Processor
	Affinity  []schema.GroupAffinity // by group
	QoS       schema.StorageQoS
}

// Host is what limits depend on.
type Host struct {
	Build  int   // of Windows
	Groups []int // logical processors of each processor group
}

// processors are those of all groups.
func (h Host) processors() (n int) {
	for _, g := range h.Groups {
		n += g
	}
	return n
}

// Resolve reads windows.resources and the annotations, which win. A count of more than the host's processors means no limit, and is cut
// to them as Windows would.
func Resolve(r *specs.WindowsResources, a annotation.Values, host Host) (Plan, error) {
	if r == nil {
		r = &specs.WindowsResources{}
	}
	var p Plan
	var err error
	if p.MemoryMB, err = memory(r.Memory, a); err != nil {
		return Plan{}, err
	}
	if p.Processor, err = processor(r.CPU, a, host.processors()); err != nil {
		return Plan{}, err
	}
	if p.Affinity, err = affinity(r.CPU, host); err != nil {
		return Plan{}, err
	}
	if p.QoS, err = qos(r.Storage, a); err != nil {
		return Plan{}, err
	}
	return p, nil
}

func memory(m *specs.WindowsMemoryResources, a annotation.Values) (uint64, error) {
	if a.MemoryMB != nil {
		return *a.MemoryMB, nil
	}
	if m == nil || m.Limit == nil || *m.Limit == 0 {
		return 0, nil
	}
	// HCS takes whole MiB; the rest is cut off, never rounded up to more than was granted.
	mb := *m.Limit >> 20
	if mb == 0 {
		return 0, fmt.Errorf("windows.resources.memory.limit: %d bytes is less than 1 MiB: %w", *m.Limit, errdefs.ErrInvalidArgument)
	}
	return mb, nil
}

// processor takes the three kinds from the annotations if there is any, else from the spec. HCS accepts one kind only
// (Processor: Count, Maximum and Weight are mutually exclusive for process-isolated containers).
func processor(c *specs.WindowsCPUResources, a annotation.Values, processors int) (schema.Processor, error) {
	if a.ProcessorCount != nil || a.ProcessorMaximum != nil || a.ProcessorWeight != nil {
		return one(field(annotation.CPUCount, a.ProcessorCount), field(annotation.CPUMaximum, a.ProcessorMaximum), field(annotation.CPUWeight, a.ProcessorWeight), processors)
	}
	if c == nil {
		return schema.Processor{}, nil
	}
	count := value{name: "windows.resources.cpu.count"}
	if c.Count != nil {
		count.n = *c.Count
	}
	maximum, weight := value{name: "windows.resources.cpu.maximum"}, value{name: "windows.resources.cpu.shares"}
	if c.Maximum != nil {
		maximum.n = uint64(*c.Maximum)
	}
	if c.Shares != nil {
		weight.n = uint64(*c.Shares)
	}
	return one(count, maximum, weight, processors)
}

type value struct {
	name string
	n    uint64
}

func field(name string, n *int32) value {
	if n == nil {
		return value{name: name}
	}
	return value{name, uint64(*n)}
}

func one(count, maximum, weight value, processors int) (schema.Processor, error) {
	var set []string
	for _, v := range []value{count, maximum, weight} {
		if v.n != 0 {
			set = append(set, v.name)
		}
	}
	if len(set) > 1 {
		return schema.Processor{}, fmt.Errorf("%v are mutually exclusive: %w", set, errdefs.ErrInvalidArgument)
	}
	for _, v := range []value{maximum, weight} {
		if v.n > 10000 {
			return schema.Processor{}, fmt.Errorf("%s: %d is more than 10000: %w", v.name, v.n, errdefs.ErrInvalidArgument)
		}
	}
	if count.n > math.MaxInt32 {
		return schema.Processor{}, fmt.Errorf("%s: %d is too large: %w", count.name, count.n, errdefs.ErrInvalidArgument)
	}
	if processors > 0 {
		count.n = min(count.n, uint64(processors))
	}
	return schema.Processor{Count: int32(count.n), Maximum: int32(maximum.n), Weight: int32(weight.n)}, nil
}

func qos(s *specs.WindowsStorageResources, a annotation.Values) (schema.StorageQoS, error) {
	var q schema.StorageQoS
	if s != nil {
		for _, v := range []struct {
			name string
			from *uint64
			to   *int32
		}{
			{"windows.resources.storage.iops", s.Iops, &q.IopsMaximum},
			{"windows.resources.storage.bps", s.Bps, &q.BandwidthMaximum},
		} {
			if v.from == nil {
				continue
			}
			// The document's fields are 32 bits wide: a larger value would turn negative and mean "no limit".
			if *v.from > math.MaxInt32 {
				return q, fmt.Errorf("%s: %d is more than %d: %w", v.name, *v.from, math.MaxInt32, errdefs.ErrInvalidArgument)
			}
			*v.to = int32(*v.from)
		}
		if s.SandboxSize != nil {
			return q, fmt.Errorf("windows.resources.storage.sandboxSize: the snapshotter sizes the scratch layer, by its label containerd.io/snapshot/windows/rootfs.sizebytes: %w", errdefs.ErrNotImplemented)
		}
	}
	if a.StorageIops != nil {
		q.IopsMaximum = *a.StorageIops
	}
	if a.StorageBandwidth != nil {
		q.BandwidthMaximum = *a.StorageBandwidth
	}
	return q, nil
}

// Fill is the plan's part of the document. Affinity is not in it.
func (p Plan) Fill(c *schema.Container) {
	if p.MemoryMB != 0 {
		c.Memory = &schema.Memory{SizeInMB: p.MemoryMB}
	}
	processor := p.Processor
	c.Processor = &processor
	if p.QoS != (schema.StorageQoS{}) {
		q := p.QoS
		c.Storage.QoS = &q
	}
}
