package hcn

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// The DLL's functions, from computenetwork.h (Microsoft, virtualization/api/hcn). All are synchronous; strings that they return are
// freed with CoTaskMemFree.
var (
	dll                 = windows.NewLazySystemDLL("computenetwork.dll")
	procCreateNamespace = dll.NewProc("HcnCreateNamespace")
	procOpenNamespace   = dll.NewProc("HcnOpenNamespace")
	procModifyNamespace = dll.NewProc("HcnModifyNamespace")
	procDeleteNamespace = dll.NewProc("HcnDeleteNamespace")
	procCloseNamespace  = dll.NewProc("HcnCloseNamespace")
)

// New returns the namespaces of this host. The DLL is loaded by the first call.
func New() hcs.Network { return network{} }

type network struct{}

type ptr = unsafe.Pointer

// hresult calls p.
//
//go:uintptrescapes
func hresult(p *windows.LazyProc, args ...uintptr) hcs.Code {
	if err := p.Find(); err != nil {
		return hcs.CodeOf(call.Wrap(p.Name, "", err))
	}
	r, _, _ := syscall.SyscallN(p.Addr(), args...)
	return hcs.Code(uint32(r))
}

// HRESULT HcnCreateNamespace(REFGUID id, PCWSTR settings, HCN_NAMESPACE* namespace, PWSTR* errorRecord)
func createNamespace(id string, g *windows.GUID, settings *uint16) (h uintptr, err error) {
	var record *uint16
	code := hresult(procCreateNamespace, uintptr(ptr(g)), uintptr(ptr(settings)), uintptr(ptr(&h)), uintptr(ptr(&record)))
	return h, failure(procCreateNamespace.Name, id, code, take(record))
}

// HRESULT HcnOpenNamespace(REFGUID id, HCN_NAMESPACE* namespace, PWSTR* errorRecord)
func openNamespace(id string, g *windows.GUID) (h uintptr, err error) {
	var record *uint16
	code := hresult(procOpenNamespace, uintptr(ptr(g)), uintptr(ptr(&h)), uintptr(ptr(&record)))
	return h, failure(procOpenNamespace.Name, id, code, take(record))
}

// HRESULT HcnModifyNamespace(HCN_NAMESPACE, PCWSTR settings, PWSTR* errorRecord)
func modifyNamespace(id string, h uintptr, settings *uint16) error {
	var record *uint16
	code := hresult(procModifyNamespace, h, uintptr(ptr(settings)), uintptr(ptr(&record)))
	return failure(procModifyNamespace.Name, id, code, take(record))
}

// HRESULT HcnDeleteNamespace(REFGUID id, PWSTR* errorRecord)
func deleteNamespace(id string, g *windows.GUID) error {
	var record *uint16
	code := hresult(procDeleteNamespace, uintptr(ptr(g)), uintptr(ptr(&record)))
	return failure(procDeleteNamespace.Name, id, code, take(record))
}

// HRESULT HcnCloseNamespace(HCN_NAMESPACE)
func closeNamespace(id string, h uintptr) error {
	return failure(procCloseNamespace.Name, id, hresult(procCloseNamespace, h), "")
}

// take converts a PWSTR out-parameter and frees it.
func take(p *uint16) string {
	if p == nil {
		return ""
	}
	defer windows.CoTaskMemFree(ptr(p))
	return windows.UTF16PtrToString(p)
}

func guid(op, id string) (*windows.GUID, error) {
	g, err := windows.GUIDFromString("{" + id + "}")
	if err != nil {
		return nil, &hcs.Error{Op: op, ID: id, Code: hcs.ErrInvalidArgument, Message: "the id is not a GUID"}
	}
	return &g, nil
}

func (network) CreateNamespace(ctx context.Context, id string) error {
	g, err := guid(procCreateNamespace.Name, id)
	if err != nil {
		return err
	}
	if *g == (windows.GUID{}) {
		// The service would choose an id, and nobody would know it.
		return &hcs.Error{Op: procCreateNamespace.Name, ID: id, Code: hcs.ErrInvalidArgument, Message: "the id is all zero"}
	}
	settings, err := windows.UTF16PtrFromString(`{"SchemaVersion":{"Major":2,"Minor":0}}`)
	if err != nil {
		return err
	}
	return call.Do(ctx, procCreateNamespace.Name, id, func() error {
		h, err := createNamespace(id, g, settings)
		if h != 0 {
			// The namespace lives on without its handle.
			if e := closeNamespace(id, h); err == nil {
				err = e
			}
		}
		return err
	})
}

func (network) FindNamespace(ctx context.Context, id string) error {
	g, err := guid(procOpenNamespace.Name, id)
	if err != nil {
		return err
	}
	return call.Do(ctx, procOpenNamespace.Name, id, func() error {
		h, err := openNamespace(id, g)
		if err != nil {
			return err
		}
		return closeNamespace(id, h)
	})
}

func (network) DeleteNamespace(ctx context.Context, id string) error {
	g, err := guid(procDeleteNamespace.Name, id)
	if err != nil {
		return err
	}
	return call.Do(ctx, procDeleteNamespace.Name, id, func() error {
		return deleteNamespace(id, g)
	})
}

func (network) AddEndpoint(ctx context.Context, namespace, endpoint string) error {
	return modify(ctx, "Add", namespace, endpoint)
}

func (network) RemoveEndpoint(ctx context.Context, namespace, endpoint string) error {
	return modify(ctx, "Remove", namespace, endpoint)
}

// modify opens the namespace, changes its endpoints and closes it.
func modify(ctx context.Context, request, namespace, endpoint string) error {
	g, err := guid(procOpenNamespace.Name, namespace)
	if err != nil {
		return err
	}
	if _, err := guid(procModifyNamespace.Name, endpoint); err != nil {
		return err
	}
	type settings struct {
		EndpointID string `json:"EndpointId"`
	}
	doc, err := json.Marshal(struct {
		ResourceType, RequestType string
		Settings                  settings
	}{"Endpoint", request, settings{endpoint}})
	if err != nil {
		return fmt.Errorf("%s %s: settings: %w", procModifyNamespace.Name, namespace, err)
	}
	text, err := windows.UTF16PtrFromString(string(doc))
	if err != nil {
		return err
	}
	return call.Do(ctx, procModifyNamespace.Name, namespace, func() error {
		h, err := openNamespace(namespace, g)
		if err != nil {
			return err
		}
		err = modifyNamespace(namespace+" "+request+" "+endpoint, h, text)
		if e := closeNamespace(namespace, h); err == nil {
			err = e
		}
		return err
	})
}
