package sim

import (
	"encoding/json"
	"errors"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// hnsAnswer is the envelope of HNSCall (§7.2). A request that fails is a success of the call.
type hnsAnswer struct {
	Success   bool
	Error     string `json:",omitempty"`
	ErrorCode uint32 `json:",omitempty"`
	Output    any    `json:",omitempty"`
}

// HNSCall is the REST interface of vmcompute to the same objects as HCN, in HNS's older spelling.
func (c *Client) HNSCall(method, path, body string) (answer string, err error) {
	err = c.do("HNSCall", method+" "+path, func() error {
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		output, err := c.hns(method, strings.Split(strings.Trim(path, "/"), "/"), body)
		a := hnsAnswer{Success: err == nil, Output: output}
		if err != nil {
			code := hcs.CodeOf(err)
			a.ErrorCode, a.Error = uint32(code), code.Text()+" "
			if hcs.Code.Is(code, hcs.ErrHCNNetworkNotFound) || hcs.Code.Is(code, hcs.ErrHCNEndpointNotFound) {
				a.ErrorCode, a.Error = uint32(hcs.ErrElementNotFound), hcs.ErrElementNotFound.Text()+" "
			}
			var e *hcs.Error
			if errors.As(err, &e) && a.Error == " " {
				a.Error = e.Message
			}
		}
		answer = text(a)
		return nil
	})
	return answer, err
}

// hnsKinds are the collections. A policy list is what HCN calls a load balancer.
var hnsKinds = map[string]Kind{"networks": Network, "endpoints": Endpoint, "namespaces": Namespace, "policylists": LoadBalancer}

// hns serves one request. The caller holds mu.
func (c *Client) hns(method string, path []string, body string) (any, error) {
	s := c.svc
	if len(path) == 2 && path[0] == "globals" && path[1] == "version" && method == "GET" {
		return schema.Version{Major: 15, Minor: 4}, nil // §7.2
	}
	if len(path) == 2 && path[0] == "endpointstats" && method == "GET" {
		return s.endpointStats(path[1])
	}
	kind, ok := hnsKinds[path[0]]
	if !ok || len(path) > 3 {
		return nil, refuse(hcs.ErrNotImplemented, "HNS has no %s here", strings.Join(path, "/"))
	}
	if len(path) == 1 {
		switch method {
		case "GET":
			list := []any{}
			for _, o := range s.list(kind) {
				list = append(list, s.hnsDocument(o))
			}
			return list, nil
		case "POST":
			return c.hnsCreate(kind, body)
		}
		return nil, refuse(hcs.ErrNotSupported, "%s %s", method, path[0])
	}
	o := s.find(kind, path[1])
	if o == nil {
		return nil, missing(kind, path[1])
	}
	switch verb := method + " " + strings.Join(path[2:], ""); verb {
	case "GET ":
		return s.hnsDocument(o), nil
	case "DELETE ":
		return nil, s.remove(kind, o.id)
	case "POST addresource", "POST removeresource":
		return nil, c.hnsResource(o, path[2], body)
	case "POST attach", "POST detach":
		return nil, c.hnsAttach(o, path[2], body)
	default:
		return nil, refuse(hcs.ErrNotImplemented, "HNS has no %s of %s here", verb, path[0])
	}
}

// hnsEndpoint, hnsNetwork: the members of the older documents that have a counterpart in HCN's.
type hnsEndpoint struct {
	ID             string `json:"ID,omitempty"`
	Name           string `json:",omitempty"`
	VirtualNetwork string `json:",omitempty"`
	IPAddress      string `json:",omitempty"`
	PrefixLength   uint8  `json:",omitempty"`
	MacAddress     string `json:",omitempty"`
	GatewayAddress string `json:",omitempty"`
	DNSSuffix      string `json:",omitempty"`
	DNSServerList  string `json:",omitempty"`
	// EnableInternalDNS puts HNS's own server, which is at the gateway's address, before the others.
	EnableInternalDNS bool              `json:",omitempty"`
	DisableICC        bool              `json:",omitempty"` // the endpoints of a network do not reach each other
	Policies          []json.RawMessage `json:",omitempty"`
	Namespace         *resourceData     `json:",omitempty"`
}

type hnsNetwork struct {
	ID            string            `json:"ID,omitempty"`
	Name          string            `json:",omitempty"`
	Type          string            `json:",omitempty"`
	MacPools      []hnsMacPool      `json:",omitempty"`
	Subnets       []hnsSubnet       `json:",omitempty"`
	DNSSuffix     string            `json:",omitempty"`
	DNSServerList string            `json:",omitempty"`
	Policies      []json.RawMessage `json:",omitempty"`
}

type hnsMacPool struct {
	StartMacAddress string `json:",omitempty"`
	EndMacAddress   string `json:",omitempty"`
}

type hnsSubnet struct {
	AddressPrefix  string `json:",omitempty"`
	GatewayAddress string `json:",omitempty"`
}

// hnsCreate makes an object from an older document. A member without counterpart is refused. The caller holds mu.
func (c *Client) hnsCreate(kind Kind, body string) (any, error) {
	s := c.svc
	fields := map[string]json.RawMessage{}
	id := zeroGUID
	var network *object
	internal := false
	switch kind {
	case Namespace:
		if err := decode(body, &struct{}{}); err != nil {
			return nil, err
		}
	case Network:
		var n hnsNetwork
		if err := decode(body, &n); err != nil {
			return nil, err
		}
		if n.ID != "" {
			id = n.ID
		}
		if err := s.chooseSubnets(&n); err != nil {
			return nil, err
		}
		if err := n.fill(fields); err != nil {
			return nil, err
		}
	case Endpoint:
		var e hnsEndpoint
		if err := decode(body, &e); err != nil {
			return nil, err
		}
		if network = s.find(Network, e.VirtualNetwork); network == nil {
			return nil, missing(Network, e.VirtualNetwork)
		}
		if e.ID != "" {
			id = e.ID
		}
		if err := e.check(network); err != nil {
			return nil, err
		}
		if err := e.fill(fields); err != nil {
			return nil, err
		}
		internal = e.EnableInternalDNS
	default:
		return nil, refuse(hcs.ErrNotImplemented, "HNS cannot make a %s here", kind)
	}
	o, err := s.create(kind, network, id, fields, c.name)
	if err != nil {
		return nil, err
	}
	o.dns = internal
	return s.hnsDocument(o), nil
}

func setString(fields map[string]json.RawMessage, name, value string) {
	if value != "" {
		fields[name] = json.RawMessage(text(value))
	}
}

// hnsResource adds an endpoint to a namespace or removes it. The caller holds mu.
func (c *Client) hnsResource(ns *object, verb, body string) error {
	var r struct {
		Type string
		Data struct {
			ID string `json:"Id"`
		}
	}
	if err := decode(body, &r); err != nil {
		return err
	}
	if ns.kind != Namespace || r.Type != "Endpoint" {
		return refuse(hcs.ErrNotSupported, "%s of a %s to a %s", verb, r.Type, ns.kind)
	}
	what := schema.RequestAdd
	if verb == "removeresource" {
		what = schema.RequestRemove
	}
	return c.svc.attach(ns, r.Data.ID, what, c.name)
}

// hnsAttach gives an endpoint to a container or takes it away (EndpointAttachDetachRequest of the public clients). One that has no
// namespace cannot have it; neither can a virtual machine or the host, which the model has no adapters of. The codes are assumed. The
// caller holds mu.
func (c *Client) hnsAttach(e *object, verb, body string) error {
	var r struct {
		ContainerID string `json:"ContainerId"`
		SystemType  string
	}
	if err := decode(body, &r); err != nil {
		return err
	}
	if e.kind != Endpoint || r.SystemType != "Container" {
		return refuse(hcs.ErrNotSupported, "%s of a %s to a %s", verb, e.kind, r.SystemType)
	}
	sys := c.svc.systems[systemKey(r.ContainerID)]
	switch {
	case sys == nil:
		return refuse(hcs.ErrSystemNotFound, "no container %s", r.ContainerID)
	case sys.namespace == nil:
		return refuse(hcs.ErrNotSupported, "container %s has no network namespace", r.ContainerID)
	}
	what := schema.RequestAdd
	if verb == "detach" {
		what = schema.RequestRemove
	}
	return c.svc.attach(sys.namespace, e.id, what, c.name)
}
