package limits

import (
	"fmt"
	"math"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
)

// groupSize is the most processors of a processor group.
const groupSize = 64

// spanningBuild is the first on which the processors of a job may be of several groups, or of another than the first ("Processor Groups":
// Windows Server 2022).
const spanningBuild = 20348

// affinity reads the processors that a container may run on.
func affinity(c *specs.WindowsCPUResources, host Host) ([]schema.GroupAffinity, error) {
	if c == nil {
		return nil, nil
	}
	var list []schema.GroupAffinity
	for i, a := range c.Affinity {
		name := fmt.Sprintf("windows.resources.cpu.affinity[%d]", i)
		invalid := func(format string, args ...any) ([]schema.GroupAffinity, error) {
			return nil, fmt.Errorf("%s: %s: %w", name, fmt.Sprintf(format, args...), errdefs.ErrInvalidArgument)
		}
		switch {
		case a.Mask == 0:
			return invalid("the mask names no processor")
		case a.Group > math.MaxUint16 || int(a.Group) >= len(host.Groups):
			return invalid("the host has no processor group %d", a.Group)
		case a.Mask&^mask(host.Groups[a.Group]) != 0:
			return invalid("the mask %#x names processors that group %d does not have: there are %d", a.Mask, a.Group, host.Groups[a.Group])
		case host.Build < spanningBuild && (a.Group != 0 || len(c.Affinity) > 1):
			return invalid("Windows build %d takes processors of group 0 only", host.Build)
		case slices.ContainsFunc(list, func(g schema.GroupAffinity) bool { return uint32(g.Group) == a.Group }):
			return invalid("group %d is there twice", a.Group)
		}
		list = append(list, schema.GroupAffinity{Group: uint16(a.Group), Mask: a.Mask})
	}
	slices.SortFunc(list, func(a, b schema.GroupAffinity) int { return int(a.Group) - int(b.Group) })
	return list, nil
}

// all are the processors of the host. That those of a group are numbered without gaps is assumed.
func (h Host) all() (list []schema.GroupAffinity) {
	for g, n := range h.Groups {
		list = append(list, schema.GroupAffinity{Group: uint16(g), Mask: mask(n)})
	}
	return list
}

// mask is the first n processors of a group.
func mask(n int) uint64 { return ^uint64(0) >> (groupSize - min(n, groupSize)) }
