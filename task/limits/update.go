package limits

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/annotation"
)

// Asked is what clients asked for last, from which the plan follows.
type Asked struct {
	Resources   *specs.WindowsResources
	Annotations annotation.Values
	Host        Host
}

// Plan is the outcome.
func (a Asked) Plan() (Plan, error) { return Resolve(a.Resources, a.Annotations, a.Host) }

// Change is what an update asks for. What it leaves out stays.
type Change struct {
	Resources   *specs.WindowsResources
	Annotations annotation.Values
}

// With is what is asked for after a change. Memory, CPU time, CPU affinity and storage are taken as wholes. A whole that the change repeats is no
// change: CRI sends all resources whenever one of them changes. One that it changes wins over the annotations from before, because
// it is the later word; the change's own annotations win over that, as at create.
func (a Asked) With(c Change) Asked {
	var now specs.WindowsResources
	if a.Resources != nil {
		now = *a.Resources
	}
	by := &a.Annotations // a is a copy
	if r := c.Resources; r != nil {
		if r.Memory != nil && r.Memory.Limit != nil && !reflect.DeepEqual(r.Memory, now.Memory) {
			now.Memory, by.MemoryMB = r.Memory, nil
		}
		if cpu, changed := withCPU(now.CPU, r.CPU); changed {
			by.ProcessorCount, by.ProcessorMaximum, by.ProcessorWeight, now.CPU = nil, nil, nil, cpu
		} else {
			now.CPU = cpu
		}
		if r.Storage != nil && !reflect.DeepEqual(*r.Storage, specs.WindowsStorageResources{}) && !reflect.DeepEqual(r.Storage, now.Storage) {
			now.Storage, by.StorageIops, by.StorageBandwidth = r.Storage, nil, nil
		}
	}
	a.Resources = &now
	if v := c.Annotations; v.MemoryMB != nil {
		by.MemoryMB = v.MemoryMB
	}
	if v := c.Annotations; v.ProcessorCount != nil || v.ProcessorMaximum != nil || v.ProcessorWeight != nil {
		by.ProcessorCount, by.ProcessorMaximum, by.ProcessorWeight = v.ProcessorCount, v.ProcessorMaximum, v.ProcessorWeight
	}
	if v := c.Annotations; v.StorageIops != nil || v.StorageBandwidth != nil {
		by.StorageIops, by.StorageBandwidth = v.StorageIops, v.StorageBandwidth
	}
	return a
}

// withCPU is a container's processor resources after a change, and whether the change is one of CPU time.
func withCPU(now, by *specs.WindowsCPUResources) (*specs.WindowsCPUResources, bool) {
	if by == nil {
		return now, false
	}
	var out specs.WindowsCPUResources
	if now != nil {
		out = *now
	}
	if len(by.Affinity) > 0 {
		out.Affinity = by.Affinity
	}
	time, before := *by, out
	time.Affinity, before.Affinity = nil, nil
	if reflect.DeepEqual(time, specs.WindowsCPUResources{}) || reflect.DeepEqual(time, before) {
		return &out, false
	}
	time.Affinity = out.Affinity
	return &time, true
}

// Step is one request to a container, and the one that takes it back.
type Step struct {
	Name string // the field of the spec
	Do   Request
	Back *Request // nil when nothing can
}

// Request is a change of one thing; one field is set.
type Request struct {
	Modify   *schema.ModifySettingRequest
	Affinity []schema.GroupAffinity
}

// wholeHost is the processor limit that limits nothing. A container that had no limit gets it when one is taken back, because
// there is no request that removes a limit.
var wholeHost = schema.Processor{Maximum: 10000}

// Steps lead a container from one plan to another. Only what differs is asked for, and everything when it is in doubt how the
// container is. What cannot be taken back exactly comes last, so that a failure of it needs no taking back.
func Steps(host Host, from, to Plan, doubt bool) ([]Step, error) {
	if from.QoS != to.QoS {
		return nil, fmt.Errorf("windows.resources.storage (iops, bps): HCS cannot change them in a container that exists: %w", errdefs.ErrNotImplemented)
	}
	var exact, last []Step
	if from.Processor != to.Processor || doubt && to.Processor != (schema.Processor{}) {
		switch (schema.Processor{}) {
		case to.Processor:
			return nil, removed("windows.resources.cpu", "count, maximum or shares")
		case from.Processor:
			last = append(last, step("windows.resources.cpu", schema.PathProcessor, to.Processor, wholeHost))
		default:
			exact = append(exact, step("windows.resources.cpu", schema.PathProcessor, to.Processor, from.Processor))
		}
	}
	if from.MemoryMB != to.MemoryMB || doubt && to.MemoryMB != 0 {
		switch uint64(0) {
		case to.MemoryMB:
			return nil, removed("windows.resources.memory.limit", "limit")
		case from.MemoryMB:
			last = append(last, step("windows.resources.memory.limit", schema.PathMemorySize, to.MemoryMB, nil))
		default:
			exact = append(exact, step("windows.resources.memory.limit", schema.PathMemorySize, to.MemoryMB, from.MemoryMB))
		}
	}
	if !slices.Equal(from.Affinity, to.Affinity) || doubt && len(to.Affinity) > 0 {
		const name = "windows.resources.cpu.affinity"
		if len(to.Affinity) == 0 {
			return nil, removed(name, "mask")
		}
		back := from.Affinity
		if len(back) == 0 {
			back = host.all()
		}
		exact = append(exact, Step{Name: name, Do: Request{Affinity: to.Affinity}, Back: &Request{Affinity: back}})
	}
	return append(exact, last...), nil
}

// step sets a value; back is the one before, nil when there was none.
func step(name, path string, to, back any) Step {
	s := Step{Name: name, Do: update(path, to)}
	if back != nil {
		b := update(path, back)
		s.Back = &b
	}
	return s
}

func update(path string, settings any) Request {
	return Request{Modify: &schema.ModifySettingRequest{ResourcePath: path, RequestType: schema.RequestUpdate, Settings: settings}}
}

func removed(field, what string) error {
	return fmt.Errorf("%s: a container's %s cannot be removed, only changed: %w", field, what, errdefs.ErrNotImplemented)
}

// Annotation reports whether a key sets a limit, which can be changed.
func Annotation(key string) bool {
	switch key {
	case annotation.MemoryMB, annotation.CPUCount, annotation.CPUMaximum, annotation.CPUWeight, annotation.Bandwidth, annotation.Iops:
		return true
	}
	return false
}
