package sim

import (
	"cmp"
	"slices"

	"containerd-shim-hcs/hcs"
)

// Mapping is what bindflt shows at a directory (§6.3). The model remembers it: no file appears there.
type Mapping struct {
	Root, Target string
	Flags        uint32
}

// bindFlags are read-only, current silo, no multiple targets.
const bindFlags = 0x1 | 0x4 | 0x40

// SetupFilter maps a host directory at another.
func (c *Client) SetupFilter(flags uint32, root, target string) error {
	return c.do("BfSetupFilter", root, func() error {
		if flags&^bindFlags != 0 {
			return refuse(hcs.ErrInvalidArgument, "flags 0x%x", flags)
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		if _, taken := c.svc.mappings[pathKey(root)]; taken { // assumed
			return refuse(hcs.ErrAlreadyExists, "%s is mapped", root)
		}
		c.svc.mappings[pathKey(root)] = Mapping{hostPath(root), hostPath(target), flags}
		return nil
	})
}

// RemoveMapping takes a mapping away; of what is not mapped: ErrElementNotFound, which clients take for "gone already" (§2.2).
func (c *Client) RemoveMapping(root string) error {
	return c.do("BfRemoveMapping", root, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		if _, ok := c.svc.mappings[pathKey(root)]; !ok {
			return refuse(hcs.ErrElementNotFound, "%s is not mapped", root)
		}
		delete(c.svc.mappings, pathKey(root))
		return nil
	})
}

// Mappings are those at a directory, all when root is empty (assumed). The flags of the query select nothing here.
func (c *Client) Mappings(_ uint32, root string) (list []Mapping, err error) {
	err = c.do("BfGetMappings", root, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		for key, m := range c.svc.mappings {
			if root == "" || key == pathKey(root) {
				list = append(list, m)
			}
		}
		slices.SortFunc(list, func(a, b Mapping) int { return cmp.Compare(a.Root, b.Root) })
		return nil
	})
	return list, err
}
