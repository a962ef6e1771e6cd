package sim

import (
	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// layerData is the document of computestorage's calls (§1.3).
type layerData struct {
	SchemaVersion schema.Version
	Layers        []schema.Layer
	FilterType    string
}

// AttachOverlayFilter merges an active scratch, named by its volume, with parents: PrepareLayer through another door, which clients
// take for CimFS layers. The codes are assumed.
func (c *Client) AttachOverlayFilter(volume, data string) error {
	return c.onVolume("HcsAttachOverlayFilter", volume, data, func(l *layer, parents []string) error {
		if err := c.svc.checkParents(parents); err != nil {
			return err
		}
		return c.svc.merge(l, parents)
	})
}

// DetachOverlayFilter is the reverse.
func (c *Client) DetachOverlayFilter(volume, data string) error {
	return c.onVolume("HcsDetachOverlayFilter", volume, data, func(l *layer, _ []string) error { return c.svc.unmerge(l) })
}

func (c *Client) onVolume(op, volume, data string, f func(l *layer, parents []string) error) error {
	return c.do(op, volume, func() error {
		var d layerData
		if err := decode(data, &d); err != nil {
			return err
		}
		switch d.FilterType {
		case "", "WCIFS", "UnionFS":
		default:
			return refuse(hcs.ErrInvalidArgument, "FilterType %q", d.FilterType)
		}
		var parents []string
		for _, l := range d.Layers {
			parents = append(parents, l.Path)
		}
		find := func() *layer {
			c.svc.mu.Lock()
			defer c.svc.mu.Unlock()
			return c.svc.byVolume(volume)
		}
		l := find()
		if l != nil {
			defer c.svc.turn(l.path)()
			l = find() // it may have gone while it was others' turn
		}
		if l == nil {
			return refuse(hcs.ErrPathNotFound, "no volume %s", volume)
		}
		return f(l, parents)
	})
}
