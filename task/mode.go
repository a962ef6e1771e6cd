package task

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/annotation"
)

// mode is how a container is isolated. It is chosen once, here; what differs between the modes is a column of the table.
type mode int

const (
	modeProcess mode = iota
	modeHostProcess
	modeHypervisor
	modeLinux
)

// row is one mode. A row without a document is not implemented; its name then says so to the user.
type row struct {
	name     string
	document func(Plan, Held) *schema.ComputeSystem
	sandbox  *kind // what the sandbox of a pod of such containers is
	// namespace: the containers of a pod share a network namespace, which the sandbox must name.
	namespace bool
}

var modes = [...]row{
	modeProcess:     {"process isolation", processIsolated, &record, true},
	modeHostProcess: {"HostProcess containers (annotation " + annotation.HostProcess + ")", nil, nil, false},
	modeHypervisor:  {"hypervisor isolation (windows.hyperv or runtime option SandboxIsolation)", nil, nil, true},
	modeLinux:       {"Linux containers (spec section linux)", nil, nil, true},
}

func chooseMode(spec *specs.Spec, opts Options, a annotation.Values) (mode, error) {
	m := modeProcess
	if os, _, _ := strings.Cut(opts.Platform, "/"); os != "" && os != "windows" && os != "linux" || spec.Linux != nil && os == "windows" || spec.Linux == nil && os == "linux" {
		return 0, fmt.Errorf("runtime option SandboxPlatform %q does not fit the spec: %w", opts.Platform, errdefs.ErrInvalidArgument)
	}
	hostProcess := a.HostProcess != nil && *a.HostProcess
	switch {
	case spec.Linux != nil:
		m = modeLinux
	case spec.Windows == nil:
		return 0, fmt.Errorf("windows section is missing: %w", errdefs.ErrInvalidArgument)
	case spec.Windows.HyperV != nil || opts.Hypervisor:
		m = modeHypervisor
	case hostProcess && (set(a.DisableHostProcess) || set(a.DisableUnsafe)):
		return 0, fmt.Errorf("annotation %s: HostProcess containers are disabled on this node: %w", annotation.HostProcess, errdefs.ErrPermissionDenied)
	case hostProcess:
		m = modeHostProcess
	}
	if modes[m].document == nil {
		return 0, fmt.Errorf("%s: %w", modes[m].name, errdefs.ErrNotImplemented)
	}
	return m, nil
}

func set(b *bool) bool { return b != nil && *b }
