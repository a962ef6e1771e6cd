package sim

import "containerd-shim-hcs/hcs"

// SetupFilter maps a host directory at another (§6.3). The model remembers it: no file appears there.
func (c *Client) SetupFilter(flags uint32, root, target string) error {
	return c.do("BfSetupFilter", root, func() error {
		if flags&^(0x1|0x4|0x40) != 0 {
			return refuse(hcs.ErrInvalidArgument, "flags 0x%x", flags)
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		if _, taken := c.svc.mapping[pathKey(root)]; taken { // assumed
			return refuse(hcs.ErrAlreadyExists, "%s is mapped", root)
		}
		c.svc.mapping[pathKey(root)] = hostPath(target)
		return nil
	})
}

// RemoveMapping takes a mapping away; of what is not mapped: ErrElementNotFound, which clients take for "gone already" (§2.2).
func (c *Client) RemoveMapping(root string) error {
	return c.do("BfRemoveMapping", root, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		if _, ok := c.svc.mapping[pathKey(root)]; !ok {
			return refuse(hcs.ErrElementNotFound, "%s is not mapped", root)
		}
		delete(c.svc.mapping, pathKey(root))
		return nil
	})
}
