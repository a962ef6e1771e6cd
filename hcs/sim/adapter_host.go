package sim

import (
	"context"
	"encoding/json"
	"net"
	"strings"

	"containerd-shim-hcs/hcs"
)

// layers is hcs.Layers for a client.
type layers struct{ c *Client }

func (m layers) CreateScratch(ctx context.Context, scratch string, parents []string) error {
	return await0(ctx, m.c, "CreateSandboxLayer", scratch, func() error { return m.c.CreateSandboxLayer(scratch, parents) })
}

// HasScratch looks at the disk; it is no call of the service.
func (m layers) HasScratch(scratch string) (bool, error) {
	return m.c.svc.store.HasScratch(hostPath(scratch)), nil
}

func (m layers) Activate(ctx context.Context, scratch string) error {
	return await0(ctx, m.c, "ActivateLayer", scratch, func() error { return m.c.ActivateLayer(scratch) })
}

func (m layers) Prepare(ctx context.Context, scratch string, parents []string) error {
	return await0(ctx, m.c, "PrepareLayer", scratch, func() error { return m.c.PrepareLayer(scratch, parents) })
}

func (m layers) MountPath(ctx context.Context, scratch string) (string, error) {
	return await(ctx, m.c, "GetLayerMountPath", scratch, func() (string, error) { return m.c.LayerMountPath(scratch) }, nil)
}

func (m layers) Unprepare(ctx context.Context, scratch string) error {
	return await0(ctx, m.c, "UnprepareLayer", scratch, func() error { return m.c.UnprepareLayer(scratch) })
}

func (m layers) Deactivate(ctx context.Context, scratch string) error {
	return await0(ctx, m.c, "DeactivateLayer", scratch, func() error { return m.c.DeactivateLayer(scratch) })
}

// ID is the GUID of the directory's name.
func (m layers) ID(ctx context.Context, path string) (string, error) {
	return await(ctx, m.c, "NameToGuid", path, func() (string, error) { return m.c.NameToGUID(baseName(path)) }, nil)
}

// network is hcs.Network for a client.
type network struct{ c *Client }

func (m network) CreateNamespace(ctx context.Context, id string) error {
	return await0(ctx, m.c, "HcnCreateNamespace", id, func() error {
		h := m.c.NewHandle()
		if err := m.c.HcnCreate(Namespace, h, 0, id, `{"SchemaVersion":{"Major":2,"Minor":0}}`); err != nil {
			return err
		}
		return m.c.HcnClose(Namespace, h)
	})
}

func (m network) FindNamespace(ctx context.Context, id string) error {
	return await0(ctx, m.c, "HcnOpenNamespace", id, func() error {
		h := m.c.NewHandle()
		if err := m.c.HcnOpen(Namespace, h, id); err != nil {
			return err
		}
		return m.c.HcnClose(Namespace, h)
	})
}

func (m network) DeleteNamespace(ctx context.Context, id string) error {
	return await0(ctx, m.c, "HcnDeleteNamespace", id, func() error { return m.c.HcnDelete(Namespace, id) })
}

func (m network) AddEndpoint(ctx context.Context, namespace, endpoint string) error {
	return m.modify(ctx, namespace, endpoint, "Add")
}

func (m network) RemoveEndpoint(ctx context.Context, namespace, endpoint string) error {
	return m.modify(ctx, namespace, endpoint, "Remove")
}

func (m network) modify(ctx context.Context, namespace, endpoint, request string) error {
	return await0(ctx, m.c, "HcnModifyNamespace", namespace, func() error {
		h := m.c.NewHandle()
		if err := m.c.HcnOpen(Namespace, h, namespace); err != nil {
			return err
		}
		defer func() { _ = m.c.HcnClose(Namespace, h) }()
		return m.c.HcnModify(Namespace, h, text(map[string]any{
			"ResourceType": "Endpoint", "RequestType": request, "Settings": map[string]string{"EndpointId": endpoint},
		}))
	})
}

func (m network) NamespaceOf(ctx context.Context, endpoint string) (string, error) {
	return await(ctx, m.c, "HNSCall", endpoint, func() (string, error) {
		var e struct{ Namespace resourceData }
		err := m.hnsGet("/endpoints/"+endpoint, &e)
		return e.Namespace.ID, err
	}, nil)
}

func (m network) Containers(ctx context.Context, namespace string) ([]string, error) {
	return await(ctx, m.c, "HNSCall", namespace, func() ([]string, error) {
		var n struct{ ResourceList []resource }
		err := m.hnsGet("/namespaces/"+namespace, &n)
		var out []string
		for _, r := range n.ResourceList {
			if r.Type == "Container" {
				out = append(out, r.Data.ID)
			}
		}
		return out, err
	}, nil)
}

// Traffic asks HNS: for the namespace's endpoints, then for the counters of each.
func (m network) Traffic(ctx context.Context, namespace string) ([]hcs.Traffic, error) {
	return await(ctx, m.c, "HNSCall", namespace, func() ([]hcs.Traffic, error) {
		var n struct{ ResourceList []resource }
		if err := m.hnsGet("/namespaces/"+namespace, &n); err != nil {
			return nil, err
		}
		var out []hcs.Traffic
		for _, r := range n.ResourceList {
			if r.Type != "Endpoint" {
				continue
			}
			var s endpointStatistics
			if err := m.hnsGet("/endpointstats/"+r.Data.ID, &s); err != nil {
				return nil, err
			}
			out = append(out, hcs.Traffic{
				Endpoint: s.EndpointID, BytesReceived: s.BytesReceived, BytesSent: s.BytesSent, PacketsReceived: s.PacketsReceived, PacketsSent: s.PacketsSent,
				DroppedIncoming: s.DroppedPacketsIncoming, DroppedOutgoing: s.DroppedPacketsOutgoing,
			})
		}
		return out, nil
	}, nil)
}

func (m network) hnsGet(path string, into any) error {
	text, err := m.c.HNSCall("GET", path, "")
	if err != nil {
		return err
	}
	answer := hnsAnswer{Output: into}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return refuse(hcs.ErrInvalidData, "%v", err)
	}
	if !answer.Success {
		return refuse(hcs.Code(answer.ErrorCode), "%s", answer.Error)
	}
	return nil
}

// host is hcs.Host for a client. Its pipes are in memory, known to all clients of the service, and end with the client.
type host struct{ c *Client }

func (m host) Facts(context.Context) (hcs.Facts, error) { return m.c.svc.facts, nil }

// ResolvePath is the identity: the model has no links.
func (m host) ResolvePath(path string) (string, error) { return path, nil }

func (m host) DialPipe(ctx context.Context, path string) (net.Conn, error) {
	conn, err := m.c.DialPipe(ctx, path)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func (m host) ListenPipe(path string) (net.Listener, error) { return m.c.ListenPipe(path) }

// DialPipe connects the client's process to a named pipe.
func (c *Client) DialPipe(ctx context.Context, path string) (*PipeConn, error) {
	conn, err := c.svc.pipes.dial(ctx, path)
	if err != nil {
		return nil, failure("CreateFile", path, err)
	}
	conn.after = func() { c.disown(conn) }
	if !c.own(conn) {
		return nil, failure("CreateFile", path, refuse(hcs.ErrInvalidHandle, "the process %s has ended", c.name))
	}
	return conn, nil
}

// ListenPipe makes the client's process serve a named pipe.
func (c *Client) ListenPipe(path string) (net.Listener, error) {
	l, err := c.svc.pipes.listen(path)
	if err != nil {
		return nil, failure("CreateNamedPipe", path, err)
	}
	l.after = func() { c.disown(l) }
	l.own = func(conn *PipeConn) {
		conn.after = func() { c.disown(conn) }
		c.own(conn)
	}
	if !c.own(l) {
		return nil, failure("CreateNamedPipe", path, refuse(hcs.ErrInvalidHandle, "the process %s has ended", c.name))
	}
	return l, nil
}

// Pipes counts the ends of named pipes, and the servers of such, that the client's process has open, by the beginning of their names.
func (c *Client) Pipes(prefix string) (n int) {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	for o := range c.owned {
		switch p := o.(type) {
		case *PipeConn:
			if strings.HasPrefix(p.path, prefix) {
				n++
			}
		case *pipeListener:
			if strings.HasPrefix(p.path, prefix) {
				n++
			}
		}
	}
	return n
}

// own ties a pipe or handle to the client's process. Of a process that has ended it is closed at once, and own reports false.
func (c *Client) own(o closer) bool {
	c.svc.mu.Lock()
	closed := c.closed
	if !closed {
		c.owned[o] = struct{}{}
	}
	c.svc.mu.Unlock()
	if closed {
		_ = o.Close() // an end in memory cannot fail
	}
	return !closed
}

func (c *Client) disown(o closer) {
	c.svc.mu.Lock()
	defer c.svc.mu.Unlock()
	delete(c.owned, o)
}
