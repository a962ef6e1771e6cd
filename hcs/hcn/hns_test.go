package hcn

import (
	"slices"
	"testing"

	"containerd-shim-hcs/hcs"
)

func TestHNSDocuments(t *testing.T) {
	var n hnsNamespace
	err := output("g", `{"Success":true,"Output":{"ID":"g","ResourceList":[{"Type":"Endpoint","Data":{"Id":"e1"}},{"Type":"Container","Data":{"Id":"c"}},{"Type":"Endpoint","Data":{"Id":"e2"}}],"CompartmentId":3}}`, &n)
	if err != nil || !slices.Equal(n.resources("Endpoint"), []string{"e1", "e2"}) || !slices.Equal(n.resources("Container"), []string{"c"}) {
		t.Errorf("%+v, %v", n, err)
	}
	for answer, want := range map[string]string{
		`{"Success":true,"Output":{"ID":"e1","Name":"a","Namespace":{"ID":"n"}}}`: "n",
		`{"Success":true,"Output":{"ID":"e1","Name":"a"}}`:                        "",
	} {
		var e hnsEndpoint
		if err := output("e1", answer, &e); err != nil || e.Namespace.ID != want {
			t.Errorf("%s: %+v, %v", answer, e, err)
		}
	}
	var s endpointStats
	err = output("e1", `{"Success":true,"Output":{"BytesReceived":1,"BytesSent":2,"DroppedPacketsIncoming":5,"DroppedPacketsOutgoing":6,"EndpointId":"e1","PacketsReceived":3,"PacketsSent":4}}`, &s)
	if want := (hcs.Traffic{Endpoint: "e1", BytesReceived: 1, BytesSent: 2, PacketsReceived: 3, PacketsSent: 4, DroppedIncoming: 5, DroppedOutgoing: 6}); err != nil || s.traffic("e1") != want {
		t.Errorf("%+v, %v", s.traffic("e1"), err)
	}
	for answer, want := range map[string]hcs.Code{
		`{"Success":false,"Error":"Element not found. "}`:                        hcs.ErrElementNotFound,
		`{"Success":false,"Error":"Element not found. ","ErrorCode":2147943568}`: hcs.ErrElementNotFound,
		`{"Success":false,"Error":"odd","ErrorCode":-2147024891}`:                hcs.ErrAccessDenied,
		`{"Success":false,"Error":"odd"}`:                                        eFail,
		`{"Success":true,"Output":[]}`:                                           hcs.ErrInvalidData,
		`{"Success":true}`:                                                       hcs.ErrInvalidData,
		``:                                                                       hcs.ErrInvalidData,
	} {
		if err := output("e1", answer, &s); hcs.CodeOf(err) != want {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
