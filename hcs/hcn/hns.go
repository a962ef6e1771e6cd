package hcn

import (
	"encoding/json"
	"strings"

	"containerd-shim-hcs/hcs"
)

// output takes an answer of HNSCall out of its envelope. A request that fails is a success of the call (hcs-api §7.2).
func output(id, answer string, into any) error {
	var a struct {
		Success   bool
		Error     string
		ErrorCode int64 // an HRESULT, as a signed or an unsigned number
		Output    json.RawMessage
	}
	bad := func(message string) error {
		return &hcs.Error{Op: "HNSCall", ID: id, Code: hcs.ErrInvalidData, Message: message}
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		return bad(err.Error())
	}
	if !a.Success {
		e := &hcs.Error{Op: "HNSCall", ID: id, Code: hcs.Code(uint32(a.ErrorCode)), Message: strings.TrimSpace(a.Error)}
		switch {
		case strings.HasPrefix(e.Message, "Element not found"): // some answers have no code
			e.Code = hcs.ErrElementNotFound
		case e.Code == 0:
			e.Code = eFail
		}
		return e
	}
	if err := json.Unmarshal(a.Output, into); err != nil {
		return bad(err.Error())
	}
	return nil
}

// hnsEndpoint is what GET /endpoints/<id> answers, as far as its namespace goes.
type hnsEndpoint struct {
	Namespace struct {
		ID string
	}
}

// hnsNamespace is what GET /namespaces/<id> answers, as far as what is in it goes.
type hnsNamespace struct {
	ResourceList []struct {
		Type string
		Data struct {
			ID string `json:"Id"`
		}
	}
}

// resources is the ids of those of a type: "Endpoint", or "Container" with runtime ids (hcsshim, hcn.NamespaceResourceType).
func (n hnsNamespace) resources(kind string) []string {
	var out []string
	for _, r := range n.ResourceList {
		if r.Type == kind {
			out = append(out, r.Data.ID)
		}
	}
	return out
}

// endpointStats is what GET /endpointstats/<id> answers.
type endpointStats struct {
	BytesReceived, BytesSent, PacketsReceived, PacketsSent, DroppedPacketsIncoming, DroppedPacketsOutgoing uint64
}

func (s endpointStats) traffic(id string) hcs.Traffic {
	return hcs.Traffic{
		Endpoint: id, BytesReceived: s.BytesReceived, BytesSent: s.BytesSent, PacketsReceived: s.PacketsReceived, PacketsSent: s.PacketsSent,
		DroppedIncoming: s.DroppedPacketsIncoming, DroppedOutgoing: s.DroppedPacketsOutgoing,
	}
}
