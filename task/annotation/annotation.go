// Package annotation reads the annotations of a container that change how it is made. One table says for every key its type and
// what it sets; the parser and the README table come from it. A value that does not parse, or is out of range, is an error
// that names the key: nothing is defaulted behind the user's back.
//
// Keys and meanings are those of Microsoft's shim (hcsshim pkg/annotations), so that existing pods keep working. Keys that only
// concern utility VMs are not looked at for process-isolated containers.
package annotation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Microsoft/go-winio/pkg/guid"
	"github.com/containerd/errdefs"
)

// Values are the parsed annotations; nil means the key was not given.
type Values struct {
	HostProcess        *bool
	DisableHostProcess *bool
	MemoryMB           *uint64
	ProcessorCount     *int32
	ProcessorMaximum   *int32
	ProcessorWeight    *int32
	StorageBandwidth   *int32 // bytes per second
	StorageIops        *int32
	DumpLocation       *string
	DumpType           *int32 // 1 mini, 2 full
	DumpCount          *int32
	DisableGMSA        *bool
	DisableUnsafe      *bool
	CRIContainerType   *string // sandbox or container
	CRISandboxID       *string
	PauseContainer     *bool
	StopIdle           *time.Duration
	Stop               *time.Duration
	OutputIdle         *time.Duration
	OutputStall        *time.Duration
	OutputAbsent       *time.Duration
	Endpoints          *[]string // GUIDs
	Signals            *string   // LinuxSignals or windows
	StopScope          *string   // StopContainer or process
	Descendants        *string   // KeepDescendants or end
}

// Entry is one row of the table.
type Entry struct {
	Key string
	// Type is what a value must be, in words.
	Type string
	Doc  string
	set  func(v *Values, s string) error
}

// Keys that other packages name in their errors.
const (
	HostProcess  = "microsoft.com/hostprocess-container"
	MemoryMB     = "io.microsoft.container.memory.sizeinmb"
	CPUCount     = "io.microsoft.container.processor.count"
	CPUMaximum   = "io.microsoft.container.processor.limit"
	CPUWeight    = "io.microsoft.container.processor.weight"
	Bandwidth    = "io.microsoft.container.storage.qos.bandwidthmaximum"
	Iops         = "io.microsoft.container.storage.qos.iopsmaximum"
	DumpLocation = "io.microsoft.container.processdumplocation"
	DumpType     = "io.microsoft.wcow.processdumptype"
	DumpCount    = "io.microsoft.wcow.processdumpcount"
	DisableGMSA  = "io.microsoft.container.wcow.gmsa.disable"

	CRIContainerType = "io.kubernetes.cri.container-type"
	CRISandboxID     = "io.kubernetes.cri.sandbox-id"

	PauseContainer  = "io.containerd.hcs.sandbox.pause-container"
	Signals         = "io.containerd.hcs.signals"
	LinuxSignals    = "linux" // a value of that
	StopScope       = "io.containerd.hcs.stop.scope"
	StopContainer   = "container"
	Descendants     = "io.containerd.hcs.exec.descendants"
	KeepDescendants = "keep"
	Endpoints       = "io.containerd.hcs.network.endpoints"
)

// Table lists every key that is read.
var Table = []Entry{
	{HostProcess, "boolean", "run as a HostProcess container", boolean(func(v *Values) **bool { return &v.HostProcess })},
	{"microsoft.com/disable-hostprocess-container", "boolean", "refuse HostProcess containers", boolean(func(v *Values) **bool { return &v.DisableHostProcess })},
	{MemoryMB, "1 or more MiB", "commit limit; wins over windows.resources.memory.limit", unsigned(1, func(v *Values) **uint64 { return &v.MemoryMB })},
	{CPUCount, "1 or more", "number of processors; wins over windows.resources.cpu", integer(1, 1<<31-1, func(v *Values) **int32 { return &v.ProcessorCount })},
	{CPUMaximum, "1 to 10000", "hundredths of a percent of the host's CPU; wins over windows.resources.cpu", integer(1, 10000, func(v *Values) **int32 { return &v.ProcessorMaximum })},
	{CPUWeight, "1 to 10000", "relative CPU weight; wins over windows.resources.cpu", integer(1, 10000, func(v *Values) **int32 { return &v.ProcessorWeight })},
	{Bandwidth, "1 or more bytes per second", "I/O bandwidth; wins over windows.resources.storage.bps", integer(1, 1<<31-1, func(v *Values) **int32 { return &v.StorageBandwidth })},
	{Iops, "1 or more", "I/O operations per second; wins over windows.resources.storage.iops", integer(1, 1<<31-1, func(v *Values) **int32 { return &v.StorageIops })},
	{DumpLocation, "path in the container", "where Windows Error Reporting keeps process dumps; {container_id} is replaced", text(func(v *Values) **string { return &v.DumpLocation })},
	{DumpType, "mini or full", "what a process dump holds, default full", func(v *Values, s string) error {
		n := int32(slices.Index([]string{"", "mini", "full"}, strings.ToLower(s)))
		if n < 1 {
			return fmt.Errorf("must be mini or full")
		}
		v.DumpType = &n
		return nil
	}},
	{DumpCount, "1 or more", "how many process dumps are kept, default 10", integer(1, 1<<31-1, func(v *Values) **int32 { return &v.DumpCount })},
	{DisableGMSA, "boolean", "refuse group managed service accounts", boolean(func(v *Values) **bool { return &v.DisableGMSA })},
	{"io.microsoft.disable-unsafe-operations", "boolean", "refuse group managed service accounts and HostProcess containers", boolean(func(v *Values) **bool { return &v.DisableUnsafe })},
	{CRIContainerType, "sandbox or container", "what the container is in its pod", func(v *Values, s string) error {
		if s != typeSandbox && s != typeContainer {
			return fmt.Errorf("must be %s or %s", typeSandbox, typeContainer)
		}
		v.CRIContainerType = &s
		return nil
	}},
	{CRISandboxID, "id", "the pod", text(func(v *Values) **string { return &v.CRISandboxID })},
	{PauseContainer, "boolean", "on the sandbox of a pod: run its image's program in a container, as Microsoft's shim does, where a record would do", boolean(func(v *Values) **bool { return &v.PauseContainer })},
	{"io.containerd.hcs.stop.idle-timeout", "duration", "how long a container that is shut down may show no progress (no CPU time, no I/O, no process ending) before it is terminated; default 30s", duration(func(v *Values) **time.Duration { return &v.StopIdle })},
	{"io.containerd.hcs.stop.timeout", "duration", "how long it may take in all; default 10m", duration(func(v *Values) **time.Duration { return &v.Stop })},
	{"io.containerd.hcs.output.idle-timeout", "duration", "how long the output of a process that has exited is waited for when nothing comes, because a child still holds it; default 1s", duration(func(v *Values) **time.Duration { return &v.OutputIdle })},
	{"io.containerd.hcs.output.stall-timeout", "duration", "how long it is waited for when the client is connected and takes nothing; default 1m", duration(func(v *Values) **time.Duration { return &v.OutputStall })},
	{"io.containerd.hcs.output.absent-timeout", "duration", "how long it is waited for when the client is away, as during a restart of containerd; default 30s", duration(func(v *Values) **time.Duration { return &v.OutputAbsent })},
	{Signals, "windows or linux", "what the numbers of signals mean: console control events, as with Microsoft's shim, or Linux's HUP, INT, QUIT and TERM; default windows",
		either("windows", LinuxSignals, func(v *Values) **string { return &v.Signals })},
	{StopScope, "process or container", "who gets the stop event of a TERM: the container's own process, or everything that runs in the container, which is for programs behind cmd or PowerShell, which do not pass it on; default process",
		either("process", StopContainer, func(v *Values) **string { return &v.StopScope })},
	{Descendants, "end or keep", "what becomes of what an exec has started when the exec is killed or deleted; default end",
		either("end", KeepDescendants, func(v *Values) **string { return &v.Descendants })},
	{Endpoints, "GUIDs between commas, or nothing", "in an update only: the endpoints that the network namespace of the container is to have from now on", guids(func(v *Values) **[]string { return &v.Endpoints })},
}

// Parse reads the annotations of a spec.
func Parse(annotations map[string]string) (Values, error) {
	var v Values
	for _, e := range Table {
		s, ok := annotations[e.Key]
		if !ok {
			continue
		}
		if err := e.set(&v, s); err != nil {
			return Values{}, fmt.Errorf("annotation %s=%q: %w: %w", e.Key, s, err, errdefs.ErrInvalidArgument)
		}
	}
	if (v.CRIContainerType == nil) != (v.CRISandboxID == nil) {
		return Values{}, fmt.Errorf("annotations %s and %s must be given together: %w", CRIContainerType, CRISandboxID, errdefs.ErrInvalidArgument)
	}
	return v, nil
}

// either is one of two words.
func either(one, other string, field func(*Values) **string) func(*Values, string) error {
	return func(v *Values, s string) error {
		if s != one && s != other {
			return fmt.Errorf("must be %s or %s", one, other)
		}
		*field(v) = &s
		return nil
	}
}

func boolean(field func(*Values) **bool) func(*Values, string) error {
	return func(v *Values, s string) error {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("must be true or false")
		}
		*field(v) = &b
		return nil
	}
}

func duration(field func(*Values) **time.Duration) func(*Values, string) error {
	return func(v *Values, s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return fmt.Errorf("must be a duration above zero, such as 90s")
		}
		*field(v) = &d
		return nil
	}
}

func integer(lowest, highest int64, field func(*Values) **int32) func(*Values, string) error {
	return func(v *Values, s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < lowest || n > highest {
			return fmt.Errorf("must be a number from %d to %d", lowest, highest)
		}
		i := int32(n)
		*field(v) = &i
		return nil
	}
}

func unsigned(lowest uint64, field func(*Values) **uint64) func(*Values, string) error {
	return func(v *Values, s string) error {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || n < lowest {
			return fmt.Errorf("must be a number of at least %d", lowest)
		}
		*field(v) = &n
		return nil
	}
}

func guids(field func(*Values) **[]string) func(*Values, string) error {
	return func(v *Values, s string) error {
		list := []string{}
		if s != "" {
			list = strings.Split(s, ",")
		}
		for i, id := range list {
			if _, err := guid.FromString(id); err != nil {
				return fmt.Errorf("%q is not a GUID", id)
			}
			if slices.ContainsFunc(list[:i], func(other string) bool { return strings.EqualFold(other, id) }) {
				return fmt.Errorf("%s is there twice", id)
			}
		}
		*field(v) = &list
		return nil
	}
}

func text(field func(*Values) **string) func(*Values, string) error {
	return func(v *Values, s string) error {
		if s == "" {
			return fmt.Errorf("must not be empty")
		}
		*field(v) = &s
		return nil
	}
}
