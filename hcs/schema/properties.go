package schema

import (
	"encoding/json"
	"time"
)

// SystemQuery is the document of HcsEnumerateComputeSystems; empty lists match everything.
type SystemQuery struct {
	IDs    []string `json:"Ids,omitempty"`
	Names  []string `json:"Names,omitempty"`
	Types  []string `json:"Types,omitempty"` // Container, VirtualMachine
	Owners []string `json:"Owners,omitempty"`
}

// PropertyType names a group of properties.
type PropertyType string

// The property types of a compute system that are asked for here.
const (
	PropertyMemory                      PropertyType = "Memory"
	PropertyStatistics                  PropertyType = "Statistics"
	PropertyProcessList                 PropertyType = "ProcessList"
	PropertyTerminateOnLastHandleClosed PropertyType = "TerminateOnLastHandleClosed"
)

// PropertyQuery is the document of HcsGetComputeSystemProperties.
type PropertyQuery struct {
	PropertyTypes []PropertyType             `json:"PropertyTypes,omitempty"`
	Queries       map[string]json.RawMessage `json:"Queries,omitempty"`
}

// State of a compute system.
type State string

// The states of a compute system.
const (
	StateCreated State = "Created"
	StateRunning State = "Running"
	StatePaused  State = "Paused"
	StateStopped State = "Stopped"
	StateUnknown State = "Unknown"
)

// Properties is the answer of HcsGetComputeSystemProperties, and an element of an enumeration.
type Properties struct {
	ID                          string           `json:"Id,omitempty"`
	SystemType                  string           `json:"SystemType,omitempty"` // Container
	RuntimeOSType               string           `json:"RuntimeOsType,omitempty"`
	Name                        string           `json:"Name,omitempty"`
	Owner                       string           `json:"Owner,omitempty"`
	RuntimeID                   string           `json:"RuntimeId,omitempty"` // GUID
	HostingSystemID             string           `json:"HostingSystemId,omitempty"`
	State                       State            `json:"State,omitempty"`
	Stopped                     bool             `json:"Stopped,omitempty"`
	ExitType                    ExitType         `json:"ExitType,omitempty"`
	TerminateOnLastHandleClosed bool             `json:"TerminateOnLastHandleClosed,omitempty"`
	Statistics                  *Statistics      `json:"Statistics,omitempty"`
	ProcessList                 []ProcessDetails `json:"ProcessList,omitempty"`
}

// ProcessDetails is one running process of a container.
type ProcessDetails struct {
	ProcessID                    uint32    `json:"ProcessId,omitempty"`
	ImageName                    string    `json:"ImageName,omitempty"`
	CreateTimestamp              time.Time `json:"CreateTimestamp"`
	UserTime100ns                uint64    `json:"UserTime100ns,omitempty"`
	KernelTime100ns              uint64    `json:"KernelTime100ns,omitempty"`
	MemoryCommitBytes            uint64    `json:"MemoryCommitBytes,omitempty"`
	MemoryWorkingSetPrivateBytes uint64    `json:"MemoryWorkingSetPrivateBytes,omitempty"`
	MemoryWorkingSetSharedBytes  uint64    `json:"MemoryWorkingSetSharedBytes,omitempty"`
}

// Statistics of a container.
type Statistics struct {
	Timestamp          time.Time       `json:"Timestamp"`
	ContainerStartTime time.Time       `json:"ContainerStartTime"`
	Uptime100ns        uint64          `json:"Uptime100ns,omitempty"`
	Processor          *ProcessorStats `json:"Processor,omitempty"`
	Memory             *MemoryStats    `json:"Memory,omitempty"`
	Storage            *StorageStats   `json:"Storage,omitempty"`
}

// ProcessorStats are since the start of the container.
type ProcessorStats struct {
	TotalRuntime100ns  uint64 `json:"TotalRuntime100ns,omitempty"`
	RuntimeUser100ns   uint64 `json:"RuntimeUser100ns,omitempty"`
	RuntimeKernel100ns uint64 `json:"RuntimeKernel100ns,omitempty"`
}

// MemoryStats are in bytes.
type MemoryStats struct {
	MemoryUsageCommitBytes            uint64 `json:"MemoryUsageCommitBytes,omitempty"`
	MemoryUsageCommitPeakBytes        uint64 `json:"MemoryUsageCommitPeakBytes,omitempty"`
	MemoryUsagePrivateWorkingSetBytes uint64 `json:"MemoryUsagePrivateWorkingSetBytes,omitempty"`
}

// StorageStats are since the start of the container.
type StorageStats struct {
	ReadCountNormalized  uint64 `json:"ReadCountNormalized,omitempty"`
	ReadSizeBytes        uint64 `json:"ReadSizeBytes,omitempty"`
	WriteCountNormalized uint64 `json:"WriteCountNormalized,omitempty"`
	WriteSizeBytes       uint64 `json:"WriteSizeBytes,omitempty"`
}

// RequestType of a modification.
type RequestType string

// The request types of ModifySettingRequest.
const (
	RequestAdd    RequestType = "Add"
	RequestRemove RequestType = "Remove"
	RequestUpdate RequestType = "Update"
)

// Resource paths of a container that can be modified.
const (
	PathMemorySize        = "Container/Memory/SizeInMB"
	PathProcessor         = "Container/Processor"
	PathMappedDirectories = "Container/MappedDirectories"
	PathMappedPipes       = "Container/MappedPipes"
)

// ModifySettingRequest is the document of HcsModifyComputeSystem.
type ModifySettingRequest struct {
	ResourcePath string      `json:"ResourcePath,omitempty"`
	RequestType  RequestType `json:"RequestType,omitempty"`
	Settings     any         `json:"Settings,omitempty"`
	GuestRequest any         `json:"GuestRequest,omitempty"`
}

// ResultError is the error document that HCS gives beside an HRESULT.
type ResultError struct {
	Error        int32        `json:"Error"` // the HRESULT, signed
	ErrorMessage string       `json:"ErrorMessage,omitempty"`
	ErrorEvents  []ErrorEvent `json:"ErrorEvents,omitempty"`
}

// ErrorEvent is one detail of an error document.
type ErrorEvent struct {
	Message    string      `json:"Message,omitempty"`
	StackTrace string      `json:"StackTrace,omitempty"`
	Provider   string      `json:"Provider,omitempty"` // GUID
	EventID    uint16      `json:"EventId,omitempty"`
	Flags      uint32      `json:"Flags,omitempty"`
	Source     string      `json:"Source,omitempty"`
	Data       []ErrorData `json:"Data,omitempty"`
}

// ErrorData is one value of an ErrorEvent.
type ErrorData struct {
	Type  string `json:"Type,omitempty"`
	Value string `json:"Value,omitempty"`
}

// Add adds the use of another container. The sum of the peaks is at least the peak of the sum.
func (s *Statistics) Add(o *Statistics) {
	if s.Processor != nil && o.Processor != nil {
		s.Processor.TotalRuntime100ns += o.Processor.TotalRuntime100ns
		s.Processor.RuntimeUser100ns += o.Processor.RuntimeUser100ns
		s.Processor.RuntimeKernel100ns += o.Processor.RuntimeKernel100ns
	}
	if s.Memory != nil && o.Memory != nil {
		s.Memory.MemoryUsageCommitBytes += o.Memory.MemoryUsageCommitBytes
		s.Memory.MemoryUsageCommitPeakBytes += o.Memory.MemoryUsageCommitPeakBytes
		s.Memory.MemoryUsagePrivateWorkingSetBytes += o.Memory.MemoryUsagePrivateWorkingSetBytes
	}
	if s.Storage != nil && o.Storage != nil {
		s.Storage.ReadCountNormalized += o.Storage.ReadCountNormalized
		s.Storage.ReadSizeBytes += o.Storage.ReadSizeBytes
		s.Storage.WriteCountNormalized += o.Storage.WriteCountNormalized
		s.Storage.WriteSizeBytes += o.Storage.WriteSizeBytes
	}
}
