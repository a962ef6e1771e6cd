// Package schema holds the HCS v2 documents as plain structs: what the Host Compute Service accepts and answers for containers.
// Field names and meaning are Microsoft's (virtualization/api/hcs/schemareference). Fields that this project never sends are here
// too when other clients send them, because the simulator refuses a field it does not know, as HCS does.
package schema

import "encoding/json"

// Version of the document's schema.
type Version struct {
	Major int `json:"Major"`
	Minor int `json:"Minor"`
}

// ComputeSystem is the document of HcsCreateComputeSystem.
type ComputeSystem struct {
	Owner                             string          `json:"Owner,omitempty"`
	SchemaVersion                     Version         `json:"SchemaVersion"`
	HostingSystemID                   string          `json:"HostingSystemId,omitempty"`
	HostedSystem                      json.RawMessage `json:"HostedSystem,omitempty"`
	Container                         *Container      `json:"Container,omitempty"`
	VirtualMachine                    json.RawMessage `json:"VirtualMachine,omitempty"`
	ShouldTerminateOnLastHandleClosed bool            `json:"ShouldTerminateOnLastHandleClosed,omitempty"`
}

// Container is a process-isolated (or hosted) container.
type Container struct {
	GuestOS                   *GuestOS                  `json:"GuestOs,omitempty"`
	Storage                   *Storage                  `json:"Storage,omitempty"`
	MappedDirectories         []MappedDirectory         `json:"MappedDirectories,omitempty"`
	MappedPipes               []MappedPipe              `json:"MappedPipes,omitempty"`
	Memory                    *Memory                   `json:"Memory,omitempty"`
	Processor                 *Processor                `json:"Processor,omitempty"`
	Networking                *Networking               `json:"Networking,omitempty"`
	HvSocket                  json.RawMessage           `json:"HvSocket,omitempty"`
	ContainerCredentialGuard  *ContainerCredentialGuard `json:"ContainerCredentialGuard,omitempty"`
	RegistryChanges           *RegistryChanges          `json:"RegistryChanges,omitempty"`
	AssignedDevices           []Device                  `json:"AssignedDevices,omitempty"`
	AdditionalDeviceNamespace json.RawMessage           `json:"AdditionalDeviceNamespace,omitempty"`
	IsolationType             string                    `json:"IsolationType,omitempty"`
}

// GuestOS names the container.
type GuestOS struct {
	HostName string `json:"HostName,omitempty"`
}

// Storage is the root file system: topmost read-only layer first, and the volume on which they are merged.
type Storage struct {
	Layers                      []Layer     `json:"Layers,omitempty"`
	Path                        string      `json:"Path,omitempty"` // \\?\Volume{guid}\ with its trailing backslash
	QoS                         *StorageQoS `json:"QoS,omitempty"`
	PrivilegedContainerRootPath string      `json:"PrivilegedContainerRootPath,omitempty"`
}

// Layer is one read-only layer.
type Layer struct {
	ID   string `json:"Id,omitempty"`
	Path string `json:"Path,omitempty"`
}

// StorageQoS limits the container's I/O; zero means unlimited.
type StorageQoS struct {
	IopsMaximum      int32 `json:"IopsMaximum,omitempty"`      // operations per second
	BandwidthMaximum int32 `json:"BandwidthMaximum,omitempty"` // bytes per second
}

// MappedDirectory shows a host directory or file in the container.
type MappedDirectory struct {
	HostPath      string `json:"HostPath,omitempty"`
	ContainerPath string `json:"ContainerPath,omitempty"`
	ReadOnly      bool   `json:"ReadOnly,omitempty"`
}

// MappedPipe shows a host pipe in the container under \\.\pipe\<ContainerPipeName>.
type MappedPipe struct {
	ContainerPipeName string `json:"ContainerPipeName,omitempty"`
	HostPath          string `json:"HostPath,omitempty"`
}

// Memory is the container's commit limit.
type Memory struct {
	SizeInMB uint64 `json:"SizeInMB,omitempty"`
}

// GroupAffinity is a set of logical processors: a bit for each of one processor group (GROUP_AFFINITY of winnt.h). It is in no document
// of HCS.
type GroupAffinity struct {
	Group uint16 `json:"group"`
	Mask  uint64 `json:"mask"`
}

// Processor limits CPU; at most one field may be set.
type Processor struct {
	Count   int32 `json:"Count,omitempty"`
	Maximum int32 `json:"Maximum,omitempty"` // 1 to 10000, hundredths of a percent of the host
	Weight  int32 `json:"Weight,omitempty"`  // 1 to 10000
}

// Networking attaches the container to a namespace.
type Networking struct {
	AllowUnqualifiedDNSQuery   bool     `json:"AllowUnqualifiedDnsQuery,omitempty"`
	DNSSearchList              string   `json:"DnsSearchList,omitempty"` // comma separated
	NetworkSharedContainerName string   `json:"NetworkSharedContainerName,omitempty"`
	Namespace                  string   `json:"Namespace,omitempty"` // GUID
	NetworkAdapters            []string `json:"NetworkAdapters,omitempty"`
}

// ContainerCredentialGuard carries a group managed service account.
type ContainerCredentialGuard struct {
	Cookie         string `json:"Cookie,omitempty"`
	RPCEndpoint    string `json:"RpcEndpoint,omitempty"`
	Transport      string `json:"Transport,omitempty"`
	CredentialSpec string `json:"CredentialSpec,omitempty"`
}

// RegistryChanges are applied to the container's own registry.
type RegistryChanges struct {
	AddValues  []RegistryValue `json:"AddValues,omitempty"`
	DeleteKeys []RegistryKey   `json:"DeleteKeys,omitempty"`
}

// RegistryKey names a key below a hive (System, Software, Security, Sam).
type RegistryKey struct {
	Hive     string `json:"Hive,omitempty"`
	Name     string `json:"Name,omitempty"`
	Volatile bool   `json:"Volatile,omitempty"`
}

// RegistryValue is one value; Type says which of the value fields counts.
type RegistryValue struct {
	Key         *RegistryKey `json:"Key,omitempty"`
	Name        string       `json:"Name,omitempty"`
	Type        string       `json:"Type,omitempty"`
	StringValue string       `json:"StringValue,omitempty"`
	BinaryValue string       `json:"BinaryValue,omitempty"`
	DWordValue  int32        `json:"DWordValue,omitempty"`
	QWordValue  int32        `json:"QWordValue,omitempty"`
	CustomType  int32        `json:"CustomType,omitempty"`
}

// Device is a host device shown in the container.
type Device struct {
	Type               string `json:"Type,omitempty"` // ClassGuid, DeviceInstance, GpuMirror
	InterfaceClassGUID string `json:"InterfaceClassGuid,omitempty"`
	LocationPath       string `json:"LocationPath,omitempty"`
}
