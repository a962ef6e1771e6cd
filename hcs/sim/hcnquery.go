package sim

import (
	"encoding/json"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// hcnQuery is the document of an enumeration or a query of properties (§7.1).
type hcnQuery struct {
	SchemaVersion schema.Version
	Flags         uint32
	Filter        string // a JSON object in a string
}

// readFilter decodes a query and its filter: members that must be equal.
func readFilter(query string) (map[string]json.RawMessage, error) {
	var q hcnQuery
	if err := decode(query, &q); err != nil {
		return nil, refuse(hcs.ErrHCNInvalidJSON, "%v", err)
	}
	if q.Filter == "" {
		return nil, nil
	}
	filter, _, err := membersOf([]byte(q.Filter), "Filter.")
	if err != nil {
		return nil, refuse(hcs.ErrHCNInvalidJSON, "%v", err)
	}
	return filter, nil
}

// HcnEnumerate is the JSON array of the ids of the objects that match the query's filter.
func (c *Client) HcnEnumerate(kind Kind, query string) (ids string, err error) {
	err = c.do("HcnEnumerate"+string(kind)+"s", "", func() error {
		filter, err := readFilter(query)
		if err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		found := []string{}
		for _, o := range c.svc.list(kind) {
			if matches(c.svc.properties(o), filter) {
				found = append(found, o.id)
			}
		}
		ids = text(found)
		return nil
	})
	return ids, err
}

// HcnQuery is the document of an object.
func (c *Client) HcnQuery(kind Kind, h Handle, query string) (doc string, err error) {
	err = c.do("HcnQuery"+string(kind)+"Properties", c.NameOf(h), func() error {
		if _, err := readFilter(query); err != nil {
			return err
		}
		o, err := c.object(kind, h)
		if err != nil {
			return err
		}
		c.svc.mu.Lock()
		defer c.svc.mu.Unlock()
		doc = text(c.svc.properties(o))
		return nil
	})
	return doc, err
}

// matches reports whether the document has all members of the filter; strings are compared without case, as GUIDs are.
func matches(doc map[string]any, filter map[string]json.RawMessage) bool {
	for name, want := range filter {
		have := text(doc[name])
		if !strings.EqualFold(have, text(want)) {
			return false
		}
	}
	return true
}

// properties is an object's document: what it was made with and what the model knows. The caller holds mu.
func (s *Service) properties(o *object) map[string]any {
	doc := map[string]any{}
	for name, value := range o.doc {
		doc[name] = value
	}
	doc["ID"] = o.id
	doc["SchemaVersion"] = schema.Version{Major: 2}
	switch o.kind {
	case Endpoint:
		doc["HostComputeNetwork"] = o.network.id
		delete(doc, "HostComputeNamespace")
		if o.namespace != nil {
			doc["HostComputeNamespace"] = o.namespace.id
		}
	case Namespace:
		if rawString(o.doc["Type"]) == "" {
			doc["Type"] = "Host"
		}
		doc["NamespaceId"] = o.number
		doc["Resources"] = s.resources(o)
	}
	return doc
}
