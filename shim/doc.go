// Package shim is what makes a program a containerd shim: the start, delete and info commands, the pipes it serves, the task
// service (versions 2 and 3 on one server), and the outbox of events. What a container is, it leaves to package task.
package shim
