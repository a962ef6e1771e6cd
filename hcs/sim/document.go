package sim

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// errHyperVNotInstalled is HCS_E_HYPERV_NOT_INSTALLED (§2.2): there is no hypervisor here.
const errHyperVNotInstalled hcs.Code = 0x80370102

// Limits of a document. The upper ones of Maximum and Weight are documented; the others are assumed.
const (
	schemaMinor = 5       // highest 2.x of the schema (§3.1)
	maxMemoryMB = 1 << 40 // assumed: what still fits 64 bits in bytes
	maxShare    = 10000
)

// readDocument decodes a compute system document and checks all of it that does not need the model.
func (s *Service) readDocument(id, doc string) (*schema.ComputeSystem, error) {
	if id == "" {
		return nil, refuse(hcs.ErrInvalidArgument, "the id is empty")
	}
	var v1 struct{ SystemType json.RawMessage }
	if json.Unmarshal([]byte(doc), &v1) == nil && v1.SystemType != nil {
		return nil, refuse(hcs.ErrNotSupported, "a schema 1 document; clients send those only to builds before 17763 (§5.1)")
	}
	var d schema.ComputeSystem
	if err := decode(doc, &d); err != nil {
		return nil, err
	}
	if d.SchemaVersion.Major != 2 || d.SchemaVersion.Minor < 0 || d.SchemaVersion.Minor > schemaMinor {
		return nil, refuse(hcs.ErrInvalidJSON, "schema version %d.%d is not supported", d.SchemaVersion.Major, d.SchemaVersion.Minor)
	}
	kinds := 0
	for _, given := range []bool{d.Container != nil, present(d.VirtualMachine), present(d.HostedSystem)} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds != 1: // mutually exclusive (§5.4)
		return nil, refuse(hcs.ErrInvalidJSON, "want one of Container, VirtualMachine, HostedSystem; got %d", kinds)
	case present(d.VirtualMachine):
		return nil, refuse(errHyperVNotInstalled, "there is no hypervisor")
	case present(d.HostedSystem), d.HostingSystemID != "": // no virtual machine can exist
		return nil, refuse(hcs.ErrSystemNotFound, "hosting system %q does not exist", d.HostingSystemID)
	}
	return &d, s.checkContainer(d.Container)
}

func present(m json.RawMessage) bool { return m != nil && string(m) != "null" }

func (s *Service) checkContainer(c *schema.Container) error {
	if c.IsolationType != "" { // only inside a utility VM (§5.1)
		return refuse(hcs.ErrNotSupported, "IsolationType %q outside of a virtual machine", c.IsolationType)
	}
	if c.Storage == nil || len(c.Storage.Layers) == 0 {
		return refuse(hcs.ErrInvalidArgument, "Storage.Layers is empty")
	}
	if c.Storage.PrivilegedContainerRootPath != "" {
		return refuse(hcs.ErrNotSupported, "PrivilegedContainerRootPath outside of a virtual machine")
	}
	if q := c.Storage.QoS; q != nil && (q.IopsMaximum < 0 || q.BandwidthMaximum < 0) {
		return refuse(hcs.ErrInvalidArgument, "Storage.QoS is negative")
	}
	for _, l := range c.Storage.Layers {
		if _, ok := parseGUID(l.ID); !ok {
			return refuse(hcs.ErrInvalidArgument, "layer id %q is not a GUID", l.ID)
		}
		if !s.store.Exists(hostPath(l.Path)) {
			return refuse(hcs.ErrPathNotFound, "layer %s does not exist", l.Path)
		}
	}
	targets := map[string]bool{}
	for i := range c.MappedDirectories {
		m := &c.MappedDirectories[i]
		if err := s.checkDirectory(m); err != nil {
			return err
		}
		if key := pathKey(m.ContainerPath); targets[key] { // assumed
			return refuse(hcs.ErrInvalidArgument, "ContainerPath %s is given twice", m.ContainerPath)
		} else {
			targets[key] = true
		}
	}
	for i := range c.MappedPipes {
		if err := checkPipe(&c.MappedPipes[i]); err != nil {
			return err
		}
	}
	if err := checkMemory(c.Memory); err != nil {
		return err
	}
	if err := s.checkProcessor(c.Processor); err != nil {
		return err
	}
	for _, d := range c.AssignedDevices {
		switch d.Type {
		case "ClassGuid", "DeviceInstance", "GpuMirror":
		default:
			return refuse(hcs.ErrInvalidArgument, "device type %q is not known", d.Type)
		}
	}
	return checkRegistry(c.RegistryChanges)
}

// checkDirectory demands a host path that exists, of a directory or a file, and a path with a drive letter in the container (assumed). A
// file is what a kubelet has as a container's termination log, also on Windows (kubernetes.io, "Determine the Reason for Pod Failure").
func (s *Service) checkDirectory(m *schema.MappedDirectory) error {
	if !s.store.HasPath(hostPath(m.HostPath)) {
		return refuse(hcs.ErrPathNotFound, "mapped directory %s does not exist", m.HostPath)
	}
	p := m.ContainerPath
	if len(p) < 3 || p[1] != ':' || p[2] != '\\' || strings.ContainsAny(p, "/") {
		return refuse(hcs.ErrInvalidArgument, "ContainerPath %q is not an absolute path", p)
	}
	return nil
}

// checkPipe demands the bare name in the container and a pipe path on the host (§5.1 shows that form; the refusal is assumed).
func checkPipe(m *schema.MappedPipe) error {
	if m.ContainerPipeName == "" || strings.ContainsAny(m.ContainerPipeName, `\/`) {
		return refuse(hcs.ErrInvalidArgument, "ContainerPipeName %q is not a bare pipe name", m.ContainerPipeName)
	}
	if !isPipe(m.HostPath) {
		return refuse(hcs.ErrInvalidArgument, "HostPath %q is not a pipe", m.HostPath)
	}
	return nil
}

func checkMemory(m *schema.Memory) error {
	if m != nil && m.SizeInMB > maxMemoryMB {
		return refuse(hcs.ErrInvalidArgument, "Memory.SizeInMB %d is out of range", m.SizeInMB)
	}
	return nil
}

func (s *Service) checkProcessor(p *schema.Processor) error {
	if p == nil {
		return nil
	}
	given := 0
	for _, f := range []struct {
		name       string
		value, max int32
	}{{"Count", p.Count, int32(s.facts.Processors)}, {"Maximum", p.Maximum, maxShare}, {"Weight", p.Weight, maxShare}} {
		if f.value < 0 || f.value > f.max {
			return refuse(hcs.ErrInvalidArgument, "Processor.%s %d is not within 1 to %d", f.name, f.value, f.max)
		}
		if f.value != 0 {
			given++
		}
	}
	if given > 1 { // §5.1
		return refuse(hcs.ErrInvalidArgument, "Processor takes one of Count, Maximum, Weight; got %d", given)
	}
	return nil
}

func checkRegistry(r *schema.RegistryChanges) error {
	if r == nil {
		return nil
	}
	keys := append([]schema.RegistryKey(nil), r.DeleteKeys...)
	for _, v := range r.AddValues {
		if v.Key == nil || v.Name == "" {
			return refuse(hcs.ErrInvalidArgument, "a registry value needs a key and a name")
		}
		switch v.Type {
		case "None", "String", "ExpandedString", "MultiString", "Binary", "DWord", "QWord", "CustomType":
		default:
			return refuse(hcs.ErrInvalidJSON, "registry type %q is not known", v.Type)
		}
		keys = append(keys, *v.Key)
	}
	for _, k := range keys {
		switch k.Hive {
		case "System", "Software", "Security", "Sam":
		default:
			return refuse(hcs.ErrInvalidJSON, "registry hive %q is not known", k.Hive)
		}
	}
	return nil
}

// shutdownPatience is how long a container's processes may take to end after a shutdown request. Windows reads
// WaitToKillServiceTimeout, in milliseconds, from the container's registry; 5 s is its default on the host and assumed here.
func shutdownPatience(c *schema.Container) time.Duration {
	if c.RegistryChanges != nil {
		for _, v := range c.RegistryChanges.AddValues {
			if v.Key.Hive == "System" && strings.EqualFold(v.Key.Name, `ControlSet001\Control`) &&
				strings.EqualFold(v.Name, "WaitToKillServiceTimeout") {
				if ms, err := strconv.ParseInt(v.StringValue, 10, 64); err == nil {
					return time.Duration(ms) * time.Millisecond
				}
			}
		}
	}
	return 5 * time.Second
}

// checkOptions takes the options text of an operation, in which no container option is known: nothing, or an empty object.
func checkOptions(options string) error {
	return decode(options, &struct{}{})
}
