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

// get asks HNS: it alone counts packets, and one call says what HCN's three do, opening, asking and closing.
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

func (network) NamespaceOf(ctx context.Context, endpoint string) (string, error) {
	return call.Bounded(ctx, procHNSCall.Name, endpoint, func() (string, error) {
		var e hnsEndpoint
		err := get("endpoints", endpoint, &e)
		return e.Namespace.ID, err
	}, nil)
}

func (network) Containers(ctx context.Context, namespace string) ([]string, error) {
	return call.Bounded(ctx, procHNSCall.Name, namespace, func() ([]string, error) {
		var n hnsNamespace
		err := get("namespaces", namespace, &n)
		return n.resources("Container"), err
	}, nil)
}

func (network) Traffic(ctx context.Context, namespace string) ([]hcs.Traffic, error) {
	return call.Bounded(ctx, procHNSCall.Name, namespace, func() ([]hcs.Traffic, error) {
		var n hnsNamespace
		if err := get("namespaces", namespace, &n); err != nil {
			return nil, err
		}
		var out []hcs.Traffic
		var errs []error
		for _, id := range n.resources("Endpoint") {
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
