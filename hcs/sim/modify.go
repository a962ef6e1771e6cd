package sim

import (
	"encoding/json"
	"slices"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// minMemoryMB is the least that a running container's limit can be set to (assumed).
const minMemoryMB = 1

// modification is a ModifySettingRequest as it arrives.
type modification struct {
	ResourcePath string
	RequestType  schema.RequestType
	Settings     json.RawMessage
	GuestRequest json.RawMessage
}

// ModifyComputeSystem changes a container that has not stopped. The paths are those of §3.3 for containers; any other is refused
// with ErrNotSupported, and so are devices, which this host has none of. That a container which has not started takes changes is
// assumed. The model remembers a change; of those, a memory limit reaches a launcher that has opened the container, mounts and pipes
// do not, and CPU is not limited by any launcher.
func (c *Client) ModifyComputeSystem(h Handle, document string) error {
	return c.do("HcsModifyComputeSystem", c.NameOf(h), func() error {
		r, err := use[*systemRef](c, h)
		if err != nil {
			return err
		}
		var m modification
		if err := decode(document, &m); err != nil {
			return err
		}
		switch m.RequestType {
		case schema.RequestAdd, schema.RequestRemove, schema.RequestUpdate:
		default:
			return refuse(hcs.ErrInvalidArgument, "request type %q", m.RequestType)
		}
		if present(m.GuestRequest) {
			return refuse(hcs.ErrInvalidArgument, "a GuestRequest to a container; only a virtual machine has a guest")
		}
		change, err := c.svc.readChange(&m)
		if err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		if r.sys.state == schema.StateStopped || r.sys.ending {
			return refuse(hcs.ErrSystemAlreadyStopped, "%s has stopped", r.sys.id)
		}
		if err := change(r.sys.doc.Container); err != nil {
			return err
		}
		r.sys.limit()
		return nil
	})
}

// readChange decodes and checks the settings of a request, and returns what applies them.
func (s *Service) readChange(m *modification) (func(*schema.Container) error, error) {
	is := func(want schema.RequestType) error {
		if m.RequestType != want {
			return refuse(hcs.ErrInvalidArgument, "%s of %s", m.RequestType, m.ResourcePath)
		}
		return nil
	}
	switch m.ResourcePath {
	case schema.PathMemorySize:
		var size uint64
		if err := json.Unmarshal(m.Settings, &size); err != nil {
			return nil, refuse(hcs.ErrInvalidJSON, "Settings: %v", err)
		}
		if size < minMemoryMB || size > maxMemoryMB {
			return nil, refuse(hcs.ErrInvalidArgument, "memory size %d MB is out of range", size)
		}
		return func(c *schema.Container) error {
			c.Memory = &schema.Memory{SizeInMB: size}
			return nil
		}, is(schema.RequestUpdate)
	case schema.PathProcessor:
		var p schema.Processor
		if err := decode(string(m.Settings), &p); err != nil {
			return nil, err
		}
		if err := s.checkProcessor(&p); err != nil {
			return nil, err
		}
		if p == (schema.Processor{}) {
			return nil, refuse(hcs.ErrInvalidArgument, "no processor limit given")
		}
		return func(c *schema.Container) error {
			c.Processor = &p
			return nil
		}, is(schema.RequestUpdate)
	case schema.PathMappedDirectories:
		var d schema.MappedDirectory
		if err := decode(string(m.Settings), &d); err != nil {
			return nil, err
		}
		if m.RequestType == schema.RequestAdd {
			if err := s.checkDirectory(&d); err != nil {
				return nil, err
			}
		}
		same := func(o schema.MappedDirectory) bool { return pathKey(o.ContainerPath) == pathKey(d.ContainerPath) }
		return func(c *schema.Container) error { return listed(&c.MappedDirectories, m, d, same) }, nil
	case schema.PathMappedPipes:
		var p schema.MappedPipe
		if err := decode(string(m.Settings), &p); err != nil {
			return nil, err
		}
		if m.RequestType == schema.RequestAdd {
			if err := checkPipe(&p); err != nil {
				return nil, err
			}
		}
		same := func(o schema.MappedPipe) bool {
			return systemKey(o.ContainerPipeName) == systemKey(p.ContainerPipeName)
		}
		return func(c *schema.Container) error { return listed(&c.MappedPipes, m, p, same) }, nil
	case "Container/Devices/Generic", "Container/RegistryFlushState":
		return nil, refuse(hcs.ErrNotSupported, "%s is not modelled", m.ResourcePath)
	}
	return nil, refuse(hcs.ErrNotSupported, "resource path %q is not known", m.ResourcePath)
}

// listed adds to or removes from a list; the codes for what is, or is not, there are assumed.
func listed[T any](list *[]T, m *modification, item T, same func(T) bool) error {
	at := slices.IndexFunc(*list, same)
	switch {
	case m.RequestType == schema.RequestAdd && at >= 0:
		return refuse(hcs.ErrAlreadyExists, "%s has it", m.ResourcePath)
	case m.RequestType == schema.RequestAdd:
		*list = append(slices.Clone(*list), item) // a launcher may hold the old list
		return nil
	case m.RequestType == schema.RequestRemove && at < 0:
		return refuse(hcs.ErrElementNotFound, "%s has no such entry", m.ResourcePath)
	case m.RequestType == schema.RequestRemove:
		*list = slices.Delete(slices.Clone(*list), at, at+1)
		return nil
	}
	return refuse(hcs.ErrInvalidArgument, "%s of %s", m.RequestType, m.ResourcePath)
}
