// Package winhost is the machine below the simulator's service on the rig: real Windows processes in job objects for sim.Launcher,
// and layer directories on disk for sim.Store. The launcher runs only in a Windows program (simd.exe under Wine 8); everything that
// decides something is portable and tested anywhere.
//
// # Processes
//
// A container is a job object that ends its processes when it is closed. A process is started in it with three handles and no
// other: the client's stdout and stderr pipes themselves, so that end-of-file and back-pressure are the real pipe's, and for stdin
// a pipe of the service's, because only so CloseStdin can give end-of-file while the client still holds its end. A stream that was
// not asked for is NUL.
//
// Wine has one file system for all. The hook DLL (test/rig/dll) redirects C:\ in each process by what it finds in the environment:
//
//	HCSSIM_ROOT      directory of the container's merged volume
//	HCSSIM_MOUNTS    CONTAINER PATH>HOST PATH, joined by "|", a leading "-" for read-only
//	HCSSIM_PIPES     CONTAINER PIPE NAME>HOST PIPE PATH, joined by "|"
//	HCSSIM_CWD       working directory as the container names it; the process is started in the host directory that it stands for
//	HCSSIM_ADDRESS   IPv4 address of the container's endpoint, on which its programs listen
//	HCSSIM_HOSTNAME  name of the machine that they see
//
// The last two are not in the environment that the container's programs see.
//
// The hook loads itself into each process that is started with these, from the service or from within the container, before the
// process's first instruction; it also ends a process that handles no console control event with 0xC000013A, where Wine says 0.
// Processes share the service's console, on which nothing happens.
//
// The program and the working directory are looked for in the container's mounts, then in its volume, then in the host's Windows
// directory, which stands for the base image's. cmd.exe is always Wine's.
//
// A console control event goes to the process and to all that descend from it, as to the processes of one console [assumed].
//
// Times and memory are what NtQuerySystemInformation gives (Wine has no job accounting, and answers for other processes elsewhere
// with the caller's own): sampled twice a second, so the last half second of a process that has ended is not counted. Wine
// counts no I/O. Wine's jobs enforce no memory limit; so the largest process of a container that is over it at a sample is ended with
// STATUS_NO_MEMORY, where Windows refuses it the memory and it ends as it will [assumed]. Users are names only: a process runs
// as Wine's user.
//
// Namespaces do not separate networks, but a container's sockets are bound to its own loopback address: see hook_socket.c.
//
// A terminal is emulated, because ConPTY does not work on Wine: the process sees pipes, the client a line discipline (line.go). Its
// size at the start is in the environment, LINES and COLUMNS. Keys wait while the process's input pipe is full, Ctrl-C too.
//
// # Layers
//
// A read-only layer is DIR\Files as in containerd's snapshotter, and DIR\inherited when it was imported over parents: the names
// that the import took over from them. One that is no longer there was deleted by the layer. A scratch is DIR\sandbox.vhdx, a mark,
// and DIR\sandbox.files, which stands for what is in the disk: Files\ with what was written, deleted, and parents.
//
// Merging copies. Hard links would be cheaper, but a program that opens a linked file for writing would change the parent layer,
// and Wine has no filter to prevent it; images of the rig are a few megabytes. Unmerging finds what changed by size, time and mode.
//
// Not kept, because Wine has no place for them: security descriptors, extended attributes, object ids. A layer with a reparse point
// (symbolic link, junction) is refused. Registry hives are files that nobody loads.
//
// # Tests
//
// go test runs the portable part. The rest is a program of its own, run under Wine with winapp.exe beside it and the hook DLL in
// system32:
//
//	CGO_ENABLED=0 GOOS=windows go test -c -o winhost.test.exe ./test/rig/simd/winhost
package winhost
