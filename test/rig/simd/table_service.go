package main

import (
	"strings"

	"containerd-shim-hcs/hcs/sim"
)

func serviceCalls() map[string]*entry {
	return map[string]*entry{
		"HcsGetServiceProperties": {args: 2, makes: -1, abi: true, about: nothing, run: func(r *request) ([]string, error) {
			return results(r.client.ServiceProperties(r.args[1]))
		}},
		"HcsModifyServiceSettings": {args: 2, makes: -1, abi: true, about: nothing, run: func(r *request) ([]string, error) {
			return results(r.client.ModifyServiceSettings(r.args[1]))
		}},
		"GrantVmAccess": {args: 2, makes: -1, vmcompute: true, about: text(1), run: func(r *request) ([]string, error) {
			return nil, r.client.Refused(r.name, r.args[0], "there are no virtual machines")
		}},
		"HNSCall": {args: 3, makes: -1, vmcompute: true, about: text(1), run: func(r *request) ([]string, error) {
			return results(r.client.HNSCall(r.args[0], r.args[1], r.args[2]))
		}},
		"BfSetupFilter": {args: 3, makes: -1, about: text(1), run: func(r *request) ([]string, error) {
			flags, err := r.number(0, 32)
			if err != nil {
				return nil, err
			}
			return nil, r.client.SetupFilter(uint32(flags), r.args[1], r.args[2]) //nolint:gosec // parsed as 32 bits
		}},
		"BfRemoveMapping": {args: 1, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.RemoveMapping(r.args[0])
		}},
	}
}

// networkCalls are the same seven for each kind.
func networkCalls() map[string]*entry {
	calls := map[string]*entry{}
	for _, kind := range sim.Kinds {
		name := string(kind)
		onHandle := func(args int, run func(r *request, h sim.Handle) ([]string, error)) *entry {
			return &entry{args: args, makes: -1, about: named(0), run: func(r *request) ([]string, error) {
				h, err := r.handle(0)
				if err != nil {
					return nil, err
				}
				return run(r, h)
			}}
		}
		calls["HcnEnumerate"+name+"s"] = &entry{args: 1, makes: -1, about: nothing, run: func(r *request) ([]string, error) {
			return results(r.client.HcnEnumerate(kind, r.args[0]))
		}}
		create := &entry{args: 3, makes: 0, about: text(1)}
		if kind == sim.Endpoint {
			create = &entry{args: 4, makes: 0, about: text(2)}
		}
		create.run = func(r *request) ([]string, error) {
			h, err := r.handle(0)
			if err != nil {
				return nil, err
			}
			var network sim.Handle
			if kind == sim.Endpoint {
				if network, err = r.handle(1); err != nil {
					return nil, err
				}
			}
			n := len(r.args)
			return nil, r.client.HcnCreate(kind, h, network, r.args[n-2], r.args[n-1])
		}
		calls["HcnCreate"+name] = create
		calls["HcnOpen"+name] = &entry{args: 2, makes: 0, about: text(1), run: func(r *request) ([]string, error) {
			h, err := r.handle(0)
			if err != nil {
				return nil, err
			}
			return nil, r.client.HcnOpen(kind, h, r.args[1])
		}}
		calls["HcnModify"+name] = onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			return nil, r.client.HcnModify(kind, h, r.args[1])
		})
		calls["HcnQuery"+name+"Properties"] = onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			return results(r.client.HcnQuery(kind, h, r.args[1]))
		})
		calls["HcnDelete"+name] = &entry{args: 1, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.HcnDelete(kind, r.args[0])
		}}
		calls["HcnClose"+name] = onHandle(1, func(r *request, h sim.Handle) ([]string, error) {
			return nil, r.client.HcnClose(kind, h)
		})
	}
	return calls
}

// storageCalls are computestorage's. In process isolation only the overlay filter is reached (hcs-api §1.3); the others belong to
// disks of virtual machines and are refused.
func storageCalls() map[string]*entry {
	calls := map[string]*entry{
		"HcsAttachOverlayFilter": {args: 2, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.AttachOverlayFilter(r.args[0], r.args[1])
		}},
		"HcsDetachOverlayFilter": {args: 2, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.DetachOverlayFilter(r.args[0], r.args[1])
		}},
	}
	for name, args := range map[string]int{
		"HcsImportLayer": 3, "HcsExportLayer": 4, "HcsExportLegacyWritableLayer": 4, "HcsDestroyLayer": 1, "HcsSetupBaseOSLayer": 2,
		"HcsSetupBaseOSVolume": 3, "HcsInitializeWritableLayer": 3, "HcsInitializeLegacyWritableLayer": 4, "HcsAttachLayerStorageFilter": 2,
		"HcsDetachLayerStorageFilter": 1, "HcsFormatWritableLayerVhd": 0, "HcsGetLayerVhdMountPath": 0,
	} {
		calls[name] = &entry{args: args, makes: -1, about: func(r *request) string { return strings.Join(r.args[:min(1, len(r.args))], "") },
			run: func(r *request) ([]string, error) {
				return nil, r.client.Refused(r.name, strings.Join(r.args[:min(1, len(r.args))], ""), "process isolation uses the layer functions of vmcompute.dll")
			}}
	}
	return calls
}
