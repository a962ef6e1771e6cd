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
package task
