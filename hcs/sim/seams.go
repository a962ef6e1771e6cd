package sim

import (
	"io"
	"net/netip"

	"containerd-shim-hcs/hcs/schema"
)

// Launcher runs the processes of containers. In process it interprets scripts; on the Wine rig it starts real Windows processes.
type Launcher interface {
	// Open prepares a container's process group when its compute system starts. An error fails the start.
	Open(c Container) (Group, error)
}

// Container is what a Launcher needs to know of a compute system.
type Container struct {
	ID        string
	HostName  string
	Namespace string                   // GUID of the network namespace, empty when there is none
	Address   netip.Addr               // of the container's endpoint when it starts, the zero value when it has none
	Volume    string                   // the document's Storage.Path, \\?\Volume{guid}\
	Mounts    []schema.MappedDirectory // as in the document
	Pipes     []schema.MappedPipe
	MemoryMB  uint64 // commit limit, 0 for none
}

// Group is the set of processes of one container: a job object.
type Group interface {
	// Launch starts a process. The service's ends of the streams belong to the group from here on, also on error; a nil stream was
	// not asked for. Errors carry the HRESULT of the failed step.
	Launch(p *schema.ProcessParameters, s Streams) (Running, error)
	// Processes lists what runs, children included.
	Processes() []schema.ProcessDetails
	// Usage is what the container used since it was opened.
	Usage() Usage
	// Limit changes the commit limit, in MiB. What is committed already stays, also when it is more (a job object does so; that HCS
	// takes such a limit is assumed). It is called under the service's lock and only sets a value.
	Limit(memoryMB uint64)
	// SignalAll delivers a console control event to every process, and returns at once.
	SignalAll(s schema.Signal)
	// Empty returns when no process is left, or when stop is closed.
	Empty(stop <-chan struct{})
	// Freeze stops every process, and those that are launched meanwhile, or lets them run on. It is called under the service's lock.
	Freeze(frozen bool)
	// Kill ends every process with the code, also a frozen one, and returns when all are gone.
	Kill(code uint32)
	// Close releases the group after Kill.
	Close()
}

// Streams are the service's ends of a process's standard streams.
type Streams struct {
	Stdin          io.ReadCloser
	Stdout, Stderr io.WriteCloser
}

// Running is one process that was launched.
type Running interface {
	Pid() uint32
	// Wait blocks until the process has ended, and returns its code. The process's own ends of its streams are closed then; a child
	// that inherited them may still hold them.
	Wait() uint32
	// Signal delivers a console control event and returns at once, whatever the process does with it.
	Signal(s schema.Signal) error
	Kill(code uint32)
	// CloseStdin makes the process read end-of-file.
	CloseStdin()
	Resize(width, height uint16)
}

// Usage is what a container consumed.
type Usage struct {
	User100ns, Kernel100ns                    uint64
	CommitBytes, PeakCommitBytes, PrivateSet  uint64
	ReadCount, ReadBytes, WriteCount, WrBytes uint64
}

// Store is what the layer calls do on disk. The model keeps the states (active, prepared) and their order; the store does the
// effects. Paths are absolute host directories without the \\?\ prefix.
type Store interface {
	// Exists reports whether the layer directory is there.
	Exists(path string) bool
	// HasPath reports whether a file or a directory is there.
	HasPath(path string) bool
	// HasScratch reports whether it holds sandbox.vhdx.
	HasScratch(path string) bool
	// CreateScratch writes sandbox.vhdx.
	CreateScratch(path string, parents []string) error
	// Merge makes the view of the scratch over its parents (nearest first) appear at the volume.
	Merge(path, volume string, parents []string) error
	// Unmerge is the reverse: what was written stays in the scratch.
	Unmerge(path, volume string) error
	// Import fills a layer from a transport folder, Export writes one (hcs-api §6.1).
	Import(path, from string, parents []string) error
	Export(path, to string, parents []string) error
	// ProcessBase and ProcessUtility post-process an unpacked base layer: blank.vhdx, hives.
	ProcessBase(path string) error
	ProcessUtility(path string) error
	// Destroy removes the directory.
	Destroy(path string) error
}
