package main

import (
	"strconv"

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
		"HNSCall": {args: 3, makes: -1, about: text(1), run: func(r *request) ([]string, error) {
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
		"BfGetMappings": {args: 2, makes: -1, about: text(1), run: func(r *request) ([]string, error) {
			flags, err := r.number(0, 32)
			if err != nil {
				return nil, err
			}
			list, err := r.client.Mappings(uint32(flags), r.args[1]) //nolint:gosec // parsed as 32 bits
			var fields []string
			for _, m := range list {
				fields = append(fields, m.Root, m.Target, strconv.FormatUint(uint64(m.Flags), 10))
			}
			return fields, err
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
