package hcn

import (
	"context"
	"errors"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

var procHNSCall = windows.NewLazySystemDLL("vmcompute.dll").NewProc("HNSCall")

// get asks HNS, which alone counts packets; HCN has no such query.
//
// HRESULT HNSCall(PCWSTR method, PCWSTR path, PCWSTR request, PWSTR* response)
func get(kind, id string, into any) error {
	var text [3]*uint16
	for i, s := range []string{"GET", "/" + kind + "/" + id, ""} {
		p, err := windows.UTF16PtrFromString(s)
		if err != nil {
			return err
		}
		text[i] = p
	}
	var response *uint16
	code := hresult(procHNSCall, uintptr(ptr(text[0])), uintptr(ptr(text[1])), uintptr(ptr(text[2])), uintptr(ptr(&response)))
	answer := take(response)
	if call.Failed(code) {
		return failure(procHNSCall.Name, kind+"/"+id, code, answer)
	}
	return output(kind+"/"+id, answer, into)
}

func (network) Traffic(ctx context.Context, namespace string) ([]hcs.Traffic, error) {
	return call.Bounded(ctx, procHNSCall.Name, namespace, func() ([]hcs.Traffic, error) {
		var n hnsNamespace
		if err := get("namespaces", namespace, &n); err != nil {
			return nil, err
		}
		var out []hcs.Traffic
		var errs []error
		for _, id := range n.endpoints() {
			var s endpointStats
			err := get("endpointstats", id, &s)
			if errdefs.IsNotFound(err) { // removed meanwhile
				continue
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			out = append(out, s.traffic(id))
		}
		return out, errors.Join(errs...)
	}, nil)
}
