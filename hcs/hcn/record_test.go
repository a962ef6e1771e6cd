package hcn

import (
	"errors"
	"testing"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
)

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		code    hcs.Code
		record  string
		want    hcs.Code
		message string
	}{
		{hcs.ErrElementNotFound, "", hcs.ErrElementNotFound, ""},
		{hcs.ErrElementNotFound, `{"Success":false,"Error":"Element not found. ","ErrorCode":2147943568}`, hcs.ErrElementNotFound, "Element not found."},
		{0, `{"Success":false,"Error":"Element not found. ","ErrorCode":2147943568}`, hcs.ErrElementNotFound, "Element not found."},
		{0, `{"Error":"Element not found.","ErrorCode":-2147023728}`, hcs.ErrElementNotFound, "Element not found."},
		{0, `{"Error":"odd"}`, eFail, "odd"},
		{0, "something\x00", eFail, "something"},
		{hcs.ErrHCNEndpointAttached, "text", hcs.ErrHCNEndpointAttached, "text"},
	} {
		var e *hcs.Error
		if !errors.As(failure("HcnOpenNamespace", "g", c.code, c.record), &e) || e.Code != c.want || e.Message != c.message {
			t.Errorf("%#x %q: %+v", uint32(c.code), c.record, e)
		}
	}
	for _, record := range []string{"", " ", "\x00"} {
		if err := failure("HcnOpenNamespace", "g", 0, record); err != nil {
			t.Error(err)
		}
	}
	if err := failure("x", "", 0, `{"ErrorCode":2147943568}`); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}
