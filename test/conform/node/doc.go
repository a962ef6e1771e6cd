// Package node is what the conformance scripts see of a machine besides containerd's answers: what the rig's simulator holds, which
// programs run, and containerd itself as a program that can be killed and started again.
package node
