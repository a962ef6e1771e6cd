// Package hcs is the machine under the shim: compute systems, their processes, layers, networks and the host itself, as
// interfaces and plain values. It is the only seam to the operating system. The Windows leaves (computecore, layer, hcn, host)
// implement it with DLL calls, hcs/sim with a model, and hcs/fault wraps any of them to inject failures.
//
// Rules that hold for every implementation:
//   - Every call is bounded by its context. A call that runs into that bound returns an *Error whose code is
//     ErrOperationTimeout; the request itself may still complete at the service ("done, but the answer is lost").
//   - No call is abandoned inside the DLL: computecore frees handles that a call in flight still uses.
//   - Terminate never waits behind another call.
//   - An exit is a value on a channel that is closed right after it: the first reader gets the value. Closing the handle ends the
//     channel without a value when none had come.
package hcs

import (
	"context"
	"io"
	"net"
	"time"

	"containerd-shim-hcs/hcs/schema"
)

// Machine is one node as the shim sees it.
type Machine struct {
	Compute Compute
	Layers  Layers
	Network Network
	Host    Host
}

// Compute creates and opens compute systems.
type Compute interface {
	// Create makes a compute system in state Created. On error nothing is held: a half-made system has been terminated and closed.
	Create(ctx context.Context, id string, doc *schema.ComputeSystem) (System, error)
	// Open returns a new handle on an existing system. An unknown id is ErrNotFound.
	Open(ctx context.Context, id string) (System, error)
	// List returns the basic properties of all systems that match the query.
	List(ctx context.Context, query schema.SystemQuery) ([]schema.Properties, error)
}

// System is a handle on one compute system. Close releases the handle, and with it, when it is the machine's last one and the
// document asked for it, the system.
type System interface {
	ID() string
	Start(ctx context.Context) error
	// Shutdown asks the system to stop; it returns when the service has taken the request. Exited tells when it is done.
	Shutdown(ctx context.Context) error
	// Terminate is Shutdown without asking.
	Terminate(ctx context.Context) error
	Modify(ctx context.Context, req *schema.ModifySettingRequest) error
	// SetAffinity is the processors on which all processes of the system may run, from its create on. HCS has no request for that: it
	// is set on the job object of the system's silo, which SYSTEM alone may open.
	SetAffinity(ctx context.Context, groups []schema.GroupAffinity) error
	// Freeze stops every thread of the system's processes, also of those that are started meanwhile, or lets them run again. Asking for
	// what is so already is no error. HCS pauses virtual machines only: this too is set on the silo's job object.
	Freeze(ctx context.Context, frozen bool) error
	// Properties returns the basic properties and those of the named types.
	Properties(ctx context.Context, types ...schema.PropertyType) (*schema.Properties, error)
	// Run starts a process in a running system.
	Run(ctx context.Context, params *schema.ProcessParameters) (Process, error)
	// OpenProcess attaches to a process that runs already, without its streams. A process that has exited is ErrNotFound.
	OpenProcess(ctx context.Context, pid uint32) (Process, error)
	// Exited delivers how the system ended, also when it had ended before this handle was opened. When the service is lost the
	// channel delivers a SystemExit whose Err says so.
	Exited() <-chan SystemExit
	// Close is idempotent.
	Close() error
}

// SystemExit is how a compute system ended.
type SystemExit struct {
	Status   int32           // HRESULT of the exit
	Type     schema.ExitType // graceful, forced, unexpected
	Err      error           // the service went away; the state of the system is not known
	ExitedAt time.Time
}

// Process is a handle on one process of a compute system.
type Process interface {
	Pid() uint32
	// Stdin, Stdout and Stderr are nil when the parameters did not ask for the stream. The caller closes them; reading ends
	// with io.EOF when no process holds the other end.
	Stdin() io.WriteCloser
	Stdout() io.ReadCloser
	Stderr() io.ReadCloser
	// CloseStdin makes the process read end-of-file once it has read what was written.
	CloseStdin(ctx context.Context) error
	// Signal delivers a console control event. With some base images it returns only when the process is gone.
	Signal(ctx context.Context, signal schema.Signal) error
	// Terminate ends the process at once and never waits behind Signal.
	Terminate(ctx context.Context) error
	// Resize sets the size of the console, in characters.
	Resize(ctx context.Context, width, height uint16) error
	// Enclose puts the process, and what it starts from then on, into a job object of its own inside that of its system. What it has started
	// before stays outside. HCS knows no such call: it is done to the process itself, which a process-isolated container shares with
	// the host.
	Enclose(ctx context.Context) (Family, error)
	// Exited delivers the exit status, also when the process had exited before this handle was opened.
	Exited() <-chan ProcessExit
	// Close is idempotent. It does not close the streams.
	Close() error
}

// Family is a process and those that descend from it.
type Family interface {
	// Terminate ends all that are there.
	Terminate() error
	// Close is idempotent, and lets them live.
	Close() error
}

// ProcessExit is how a process ended.
type ProcessExit struct {
	Code     uint32 // as Windows gave it
	Err      error  // the status could not be had; Code is then UnknownExit
	ExitedAt time.Time
}

// UnknownExit is the code of a process whose own code cannot be had.
const UnknownExit = 0xffffffff

// Layers mounts container file systems: a scratch directory over read-only parents, nearest parent first, base last. Paths are
// directories on the host. Each verb is one OS call, so that the ledger can claim, and a test can fail, each of them.
type Layers interface {
	// CreateScratch makes the scratch's sandbox.vhdx; it fails with ErrAlreadyExists if there is one.
	CreateScratch(ctx context.Context, scratch string, parents []string) error
	// HasScratch reports whether the scratch has its sandbox.vhdx.
	HasScratch(scratch string) (bool, error)
	Activate(ctx context.Context, scratch string) error
	Prepare(ctx context.Context, scratch string, parents []string) error
	// MountPath returns the volume path of an active layer, \\?\Volume{guid} without trailing backslash.
	MountPath(ctx context.Context, scratch string) (string, error)
	Unprepare(ctx context.Context, scratch string) error
	Deactivate(ctx context.Context, scratch string) error
	// ID returns the GUID that stands for a layer directory in documents.
	ID(ctx context.Context, path string) (string, error)
}

// Network manages host network namespaces (HCN compartments). Ids are GUIDs.
type Network interface {
	// CreateNamespace makes the namespace with the id the caller chose, so that it can be claimed before it exists.
	CreateNamespace(ctx context.Context, id string) error
	// FindNamespace fails with ErrNotFound when there is none.
	FindNamespace(ctx context.Context, id string) error
	// DeleteNamespace fails with ErrNotFound when there is none.
	DeleteNamespace(ctx context.Context, id string) error
	// AddEndpoint attaches an existing endpoint to a namespace.
	AddEndpoint(ctx context.Context, namespace, endpoint string) error
	// RemoveEndpoint is the reverse; ErrNotFound when it is not attached.
	RemoveEndpoint(ctx context.Context, namespace, endpoint string) error
	// NamespaceOf is the id of the namespace that an endpoint is attached to; empty: to none. ErrNotFound when there is no such endpoint.
	NamespaceOf(ctx context.Context, endpoint string) (string, error)
	// Containers is the runtime ids of the containers that run in a namespace.
	Containers(ctx context.Context, namespace string) ([]string, error)
	// Traffic is what passed through the endpoints that are attached to a namespace.
	Traffic(ctx context.Context, namespace string) ([]Traffic, error)
}

// Traffic is what passed through one endpoint since it was made.
type Traffic struct {
	Endpoint                         string // GUID
	BytesReceived, BytesSent         uint64
	PacketsReceived, PacketsSent     uint64
	DroppedIncoming, DroppedOutgoing uint64 // packets
}

// Facts are what a plan needs to know about the host. They do not change while the shim lives.
type Facts struct {
	Build      int    // OS build number, such as 20348
	Revision   int    // UBR
	Processors int    // logical processors
	Groups     []int  // how many of them are in each processor group
	MemoryMB   uint64 // physical memory
	Owner      string // base name of the shim's executable, the Owner of what it creates
}

// Host is the rest of the operating system.
type Host interface {
	Facts(ctx context.Context) (Facts, error)
	// DialPipe connects to a named pipe. A pipe that is not there is ErrNotFound; a busy one is waited for until ctx ends.
	DialPipe(ctx context.Context, path string) (net.Conn, error)
	// ListenPipe serves a named pipe whose creation and use are for administrators and SYSTEM.
	ListenPipe(path string) (net.Listener, error)
	// Spawn starts a program of the host that shares nothing with this process, and may outlive it. One that is not there is ErrNotFound.
	Spawn(ctx context.Context, p Program) (Child, error)
	// ResolvePath returns the path with all links resolved, as HCS needs it for mounts.
	ResolvePath(path string) (string, error)
}

// Program is a program of the host.
type Program struct {
	Path string
	Args []string // without its name
	Env  []string // added to this process's environment
}

// Child is a program that was started. It needs no closing.
type Child interface {
	// Exited is closed when it has ended.
	Exited() <-chan struct{}
	// Outcome is its exit code and the end of what it wrote to standard error, once it has ended.
	Outcome() (code uint32, said string)
	// Kill ends it. One that has ended is no error.
	Kill() error
}
