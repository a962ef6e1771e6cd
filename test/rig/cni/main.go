// Command cni is the rig's CNI plugin, as small as one can be: it makes endpoints in the HCN namespaces that containerd's CRI makes for
// pods, and removes them. The network is that of the configuration's name and must be there; it gives each endpoint its address.
//
// By the CNI specification (versions 0.3.0 to 1.0.0): the command is in CNI_COMMAND (ADD, DEL, CHECK, VERSION), CNI_NETNS is the
// namespace's GUID, the configuration comes on stdin, and a result or an error goes to stdout as JSON; the exit code of an error is 1.
// An endpoint is named after CNI_CONTAINERID and CNI_IFNAME, so that DEL and CHECK find it without a state of the plugin's own.
package main

import (
	"encoding/json"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Getenv, os.Stdin, os.Stdout, host()))
}

// run serves one invocation and returns the exit code.
func run(env func(string) string, stdin io.Reader, stdout io.Writer, n network) int {
	answer, err := serve(env, stdin, n)
	code := 0
	if err != nil {
		answer, code = err, 1
	}
	if answer != nil {
		if err := json.NewEncoder(stdout).Encode(answer); err != nil {
			code = 1 // nobody to tell
		}
	}
	return code
}
