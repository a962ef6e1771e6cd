package main

import (
	"containerd-shim-hcs/hcs/sim"
)

// onPath is an entry of vmcompute's layer functions: path, and more arguments.
func onPath(args int, run func(r *request) ([]string, error)) *entry {
	return &entry{args: args, makes: -1, about: text(0), run: run}
}

// plain is a layer function that takes a path only.
func plain(f func(c *sim.Client, path string) error) *entry {
	return onPath(1, func(r *request) ([]string, error) { return nil, f(r.client, r.args[0]) })
}

// withParents is one that takes parents too.
func withParents(f func(c *sim.Client, path string, parents []string) error) *entry {
	return onPath(2, func(r *request) ([]string, error) {
		parents, err := r.list(1)
		if err != nil {
			return nil, err
		}
		return nil, f(r.client, r.args[0], parents)
	})
}

// transport is one that takes another path and parents.
func transport(f func(c *sim.Client, path, other string, parents []string) error) *entry {
	return onPath(3, func(r *request) ([]string, error) {
		parents, err := r.list(2)
		if err != nil {
			return nil, err
		}
		return nil, f(r.client, r.args[0], r.args[1], parents)
	})
}

const oldStore = "layers are made by containerd's snapshotter, not by the old image store"

func layerCalls() map[string]*entry {
	return map[string]*entry{
		"CreateSandboxLayer":  withParents((*sim.Client).CreateSandboxLayer),
		"ActivateLayer":       plain((*sim.Client).ActivateLayer),
		"DeactivateLayer":     plain((*sim.Client).DeactivateLayer),
		"PrepareLayer":        withParents((*sim.Client).PrepareLayer),
		"UnprepareLayer":      plain((*sim.Client).UnprepareLayer),
		"DestroyLayer":        plain((*sim.Client).DestroyLayer),
		"ProcessBaseImage":    plain((*sim.Client).ProcessBaseImage),
		"ProcessUtilityImage": plain((*sim.Client).ProcessUtilityImage),
		"ImportLayer":         transport((*sim.Client).ImportLayer),
		"ExportLayer":         transport((*sim.Client).ExportLayer),
		"GetLayerMountPath": onPath(1, func(r *request) ([]string, error) {
			return results(r.client.LayerMountPath(r.args[0]))
		}),
		"LayerExists": onPath(1, func(r *request) ([]string, error) {
			exists, err := r.client.LayerExists(r.args[0])
			if exists {
				return results("1", err)
			}
			return results("0", err)
		}),
		"NameToGuid": onPath(1, func(r *request) ([]string, error) {
			return results(r.client.NameToGUID(r.args[0]))
		}),
		"ExpandSandboxSize": onPath(2, func(r *request) ([]string, error) {
			bytes, err := r.number(1, 64)
			if err != nil {
				return nil, err
			}
			return nil, r.client.ExpandSandboxSize(r.args[0], bytes)
		}),
		"GetBaseImages": {args: 0, makes: -1, about: nothing, run: func(r *request) ([]string, error) {
			return results(r.client.BaseImages())
		}},
		"CreateLayer": refused(2, 0, oldStore),
		"CopyLayer":   refused(3, 0, oldStore),
	}
}
