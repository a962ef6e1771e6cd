package shim

// Address is the ttrpc pipe of a shim, named as Microsoft's. Only administrators can create a pipe under this prefix.
func Address(namespace, id string) string {
	return `\\.\pipe\ProtectedPrefix\Administrators\containerd-shim-` + namespace + "-" + id + "-pipe"
}

// LogAddress is the pipe that containerd dials for the shim's log; the name is containerd's.
func LogAddress(namespace, id string) string {
	return `\\.\pipe\containerd-shim-` + namespace + "-" + id + "-log"
}
