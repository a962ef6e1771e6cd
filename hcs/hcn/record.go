package hcn

import (
	"encoding/json"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// failure is the error of a call, nil when there is none. Quirk: HCN may put an error record beside S_OK, and it counts
// (hcs-api §1.4).
func failure(op, id string, code hcs.Code, record string) error {
	record = strings.TrimRight(record, "\x00 \r\n")
	if !call.Failed(code) && record == "" {
		return nil
	}
	e := &hcs.Error{Op: op, ID: id, Code: code, Message: record}
	// HNS's own form; the code is an HRESULT, as a signed or an unsigned number.
	var r struct {
		Error     string
		ErrorCode int64
	}
	if json.Unmarshal([]byte(record), &r) == nil && (r.Error != "" || r.ErrorCode != 0) {
		if r.Error != "" {
			e.Message = strings.TrimSpace(r.Error)
		}
		if !call.Failed(code) {
			e.Code = hcs.Code(uint32(r.ErrorCode))
		}
	}
	if !call.Failed(e.Code) {
		e.Code = eFail
	}
	return e
}

const eFail hcs.Code = 0x80004005
