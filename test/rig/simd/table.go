package main

import (
	"encoding/json"
	"maps"
	"strconv"

	"containerd-shim-hcs/hcs"
)

// entry is how one call is served.
type entry struct {
	args  int  // number of arguments
	makes int  // the argument that names a handle to be made; -1: none
	abi   bool // the first argument tells the DLL, and with it the family of codes; the DLLs convert the codes of other calls
	// about is the id for the fault rules. It is nil for what is no call of the service and cannot be failed.
	about func(r *request) string
	run   func(r *request) ([]string, error)
}

// table is every call of the protocol.
var table map[string]*entry

func init() {
	table = map[string]*entry{"Hello": {args: 2, makes: -1}} // served by the session itself
	for _, part := range []map[string]*entry{systemCalls(), processCalls(), serviceCalls(), layerCalls(), storageCalls(), machineCalls(), networkCalls(), controlCalls(), siloCalls()} {
		maps.Copy(table, part)
	}
}

// text is an argument as it is: an id, a path, a GUID.
func text(i int) func(*request) string { return func(r *request) string { return r.args[i] } }

// named is the id behind a handle.
func named(i int) func(*request) string {
	return func(r *request) string {
		h, err := r.handle(i)
		if err != nil {
			return ""
		}
		return r.client.NameOf(h)
	}
}

func nothing(*request) string { return "" }

// results makes a handler's answer of one text.
func results(s string, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	return []string{s}, nil
}

// number parses an unsigned argument.
func (r *request) number(i, bits int) (uint64, error) {
	n, err := strconv.ParseUint(r.args[i], 10, bits)
	if err != nil {
		return 0, refusal(hcs.ErrInvalidData, "number "+strconv.Quote(r.args[i]))
	}
	return n, nil
}

// list parses an argument that is a JSON array of paths.
func (r *request) list(i int) ([]string, error) {
	var l []string
	if err := json.Unmarshal([]byte(r.args[i]), &l); err != nil {
		return nil, refusal(hcs.ErrInvalidData, "list of paths: "+err.Error())
	}
	return l, nil
}
