package task

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/annotation"
	"containerd-shim-hcs/task/device"
	"containerd-shim-hcs/task/limits"
	"containerd-shim-hcs/task/network"
	"containerd-shim-hcs/task/stdio"
	"containerd-shim-hcs/task/storage"
)

// Plan is a container as it is to be made: the whole outcome of Resolve, and the whole input of the procedures.
type Plan struct {
	ID           string
	Owner        string // of the compute system
	mode         mode
	HostName     string
	Init         schema.ProcessParameters
	Storage      storage.Plan
	Network      network.Plan
	Limits       limits.Plan
	asked        limits.Asked // where they come from
	Devices      []schema.Device
	dumps        []schema.RegistryValue
	Bounds       Bounds
	linuxSignals bool   // the numbers of signals are Linux's
	stopAll      bool   // the stop event of init goes to everything in the container
	keepFamilies bool   // what execs start lives on
	pause        bool   // a sandbox is to be a container, whatever its row says
	Sandbox      string // of its pod, its own id for the sandbox itself; empty for a container on its own

	annotations map[string]string // all that count for it
}

// Resolve turns a spec into a plan. It reads nothing but its arguments; every mistake in the spec, its annotations or its mounts
// is an error here, and names the field.
func Resolve(id string, spec *specs.Spec, opts Options, rootfs []storage.Mount, facts hcs.Facts) (Plan, error) {
	p, err := resolve(id, spec, opts, rootfs, facts)
	if err != nil {
		return Plan{}, fmt.Errorf("spec: %w", err)
	}
	return p, nil
}

func resolve(id string, spec *specs.Spec, opts Options, rootfs []storage.Mount, facts hcs.Facts) (p Plan, err error) {
	annotations := maps.Clone(opts.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, spec.Annotations) // the container's own win
	a, err := annotation.Parse(annotations)
	if err != nil {
		return p, err
	}
	if a.Endpoints != nil {
		return p, fmt.Errorf("annotation %s: it counts in an update only, here it is windows.network.endpointList: %w", annotation.Endpoints, errdefs.ErrInvalidArgument)
	}
	p.stopAll = a.StopScope != nil && *a.StopScope == annotation.StopContainer
	p.keepFamilies = a.Descendants != nil && *a.Descendants == annotation.KeepDescendants
	p.linuxSignals = a.Signals != nil && *a.Signals == annotation.LinuxSignals
	if p.mode, err = chooseMode(spec, opts, a); err != nil {
		return p, err
	}
	w := spec.Windows
	if spec.Process == nil {
		return p, fmt.Errorf("process is missing: %w", errdefs.ErrInvalidArgument)
	}
	if w.CredentialSpec != nil {
		return p, fmt.Errorf("windows.credentialSpec: group managed service accounts: %w", errdefs.ErrNotImplemented)
	}
	if w.Servicing {
		return p, fmt.Errorf("windows.servicing: %w", errdefs.ErrNotImplemented)
	}
	p.ID, p.Owner, p.HostName = id, facts.Owner, spec.Hostname
	if p.Sandbox, err = a.Sandbox(id); err != nil {
		return p, err
	}
	if p.pause = set(a.PauseContainer); p.kind() == &record {
		return p, p.resolveRecord(spec)
	}
	if p.Init, err = Process("process", spec.Process); err != nil {
		return p, err
	}
	if p.Storage, err = storage.Resolve(rootfs, spec); err != nil {
		return p, err
	}
	if p.Network, err = network.Resolve(w.Network); err != nil {
		return p, err
	}
	p.asked, p.annotations = limits.Asked{Resources: w.Resources, Annotations: a, Host: limits.Host{Build: facts.Build, Groups: facts.Groups}}, annotations
	if p.Limits, err = p.asked.Plan(); err != nil {
		return p, err
	}
	if p.Devices, err = device.Resolve(w.Devices); err != nil {
		return p, err
	}
	p.Bounds = bounds(a)
	p.dumps, err = dumps(id, a)
	return p, err
}

// Bounds are how long the end of a container may take, step by step.
type Bounds struct {
	StopIdle time.Duration // a shutdown that makes no progress
	Stop     time.Duration // a shutdown that does
	Output   stdio.Bounds
}

func bounds(a annotation.Values) Bounds {
	b := Bounds{StopIdle: 30 * time.Second, Stop: 10 * time.Minute, Output: stdio.DefaultBounds}
	for _, x := range []struct {
		from *time.Duration
		to   *time.Duration
	}{
		{a.StopIdle, &b.StopIdle}, {a.Stop, &b.Stop},
		{a.OutputIdle, &b.Output.Idle}, {a.OutputStall, &b.Output.Stall}, {a.OutputAbsent, &b.Output.Absent},
	} {
		if x.from != nil {
			*x.to = *x.from
		}
	}
	return b
}

// dumps are the registry values that make Windows Error Reporting keep dumps of the container's processes (LocalDumps).
func dumps(id string, a annotation.Values) ([]schema.RegistryValue, error) {
	if a.DumpLocation == nil {
		if a.DumpType != nil || a.DumpCount != nil {
			return nil, fmt.Errorf("annotations %s and %s need %s: %w", annotation.DumpType, annotation.DumpCount, annotation.DumpLocation, errdefs.ErrInvalidArgument)
		}
		return nil, nil
	}
	kind, count := int32(2), int32(10)
	if a.DumpType != nil {
		kind = *a.DumpType
	}
	if a.DumpCount != nil {
		count = *a.DumpCount
	}
	key := &schema.RegistryKey{Hive: "Software", Name: `Microsoft\Windows\Windows Error Reporting\LocalDumps`}
	folder := strings.NewReplacer("{container_id}", id, "{CONTAINER_ID}", id).Replace(*a.DumpLocation)
	return []schema.RegistryValue{
		{Key: key, Name: "DumpFolder", Type: "String", StringValue: folder},
		{Key: key, Name: "DumpType", Type: "DWord", DWordValue: kind},
		{Key: key, Name: "DumpCount", Type: "DWord", DWordValue: count},
	}, nil
}

// Held is what the rooms acquired for a plan.
type Held struct {
	Storage   storage.Held
	Namespace string // GUID, empty for none
}

// Document is the HCS document of a plan.
func Document(p Plan, h Held) *schema.ComputeSystem { return modes[p.mode].document(p, h) }

func processIsolated(p Plan, h Held) *schema.ComputeSystem {
	c := &schema.Container{AssignedDevices: p.Devices}
	if p.HostName != "" {
		c.GuestOS = &schema.GuestOS{HostName: p.HostName}
	}
	p.Storage.Fill(c, h.Storage)
	p.Limits.Fill(c)
	p.Network.Fill(c, h.Namespace)
	// Quirk: without this value, server core ends its processes 5 s after a shutdown event, whatever grace period the client
	// gives (hcs-api §5.1; peer-runhcs §3.3).
	graceful := schema.RegistryValue{
		Key:         &schema.RegistryKey{Hive: "System", Name: `ControlSet001\Control`},
		Name:        "WaitToKillServiceTimeout",
		Type:        "String",
		StringValue: "2147483647",
	}
	c.RegistryChanges = &schema.RegistryChanges{AddValues: append([]schema.RegistryValue{graceful}, p.dumps...)}
	return &schema.ComputeSystem{
		Owner:         p.Owner,
		SchemaVersion: schema.Version{Major: 2, Minor: 1},
		Container:     c,
		// The container ends with the shim: nobody could serve it afterwards.
		ShouldTerminateOnLastHandleClosed: true,
	}
}
