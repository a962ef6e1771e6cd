// Package task is what a container and its processes are, apart from any operating system.
//
// Three kinds of code, never mixed in one file:
//   - pure: Resolve (spec to plan), Document (plan to HCS document) and Machine.Step (the state machine);
//   - linear: the procedures of run.go, exec.go and release.go, which acquire and give back things through package hcs;
//   - loop: Pod, the one goroutine that owns the machine, starts procedures as its effects, and publishes snapshots.
//
// A verb enters the loop as an event; Step answers with effects; procedures run beside the loop and come back as events. There is
// no lock over an OS call because there is none to hold, and State, Pids, Connect and Wait read a snapshot: they answer while
// a create takes a minute.
//
// # Pods
//
// A task's annotations (CRI's) say whether it is the sandbox of a pod, or a container of one; Place is what comes of that, and pod.go
// what the machine makes of it. A sandbox is the first to come and the last to go: its end ends its containers.
//
// The sandbox of process-isolated containers is a record: a task with states, events, a pid and an exit, and nothing at the Host
// Compute Service, no compute system, no layers, no process. On Linux a pause process holds the namespaces that the containers of
// a pod share. On Windows the one that they share is HCN's network namespace: an object that containerd's CRI makes before the sandbox
// and deletes after it, that has the pod's endpoints before any container is there, and that each container's document names for
// itself (hcs-api §7). What would need a silo of the sandbox's own is a compartment that closes when its last silo goes:
// Microsoft's shim runs a pause container for process isolation, with a note of a bug in the activation of compartments
// (peer-runhcs §3.6). Whether a Windows that is in use still has that is not known here; nothing in the API asks for it, hypervisor and
// HostProcess pods do without, and what a record saves is a mounted layer and a process for each pod. Assumed, then; a node where
// it does not hold sets annotation io.containerd.hcs.sandbox.pause-container.
package task
