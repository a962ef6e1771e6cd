package annotation

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// The values of CRIContainerType.
const (
	typeSandbox   = "sandbox"
	typeContainer = "container"
)

// Sandbox is the sandbox of the pod that the container with this id is in: its own id for the sandbox itself, empty for a container
// without a pod. It reads CRI's two annotations only, for the start command, which has nothing else to know.
func Sandbox(id string, annotations map[string]string) (string, error) {
	only := map[string]string{}
	for _, key := range []string{CRIContainerType, CRISandboxID} {
		if s, ok := annotations[key]; ok {
			only[key] = s
		}
	}
	v, err := Parse(only)
	if err != nil {
		return "", err
	}
	return v.Sandbox(id)
}

// Sandbox is Sandbox for annotations that have been read.
func (v Values) Sandbox(id string) (string, error) {
	if v.CRISandboxID == nil {
		return "", nil
	}
	sandbox, kind := *v.CRISandboxID, *v.CRIContainerType
	var err error
	switch {
	case kind == typeSandbox && sandbox != id:
		err = fmt.Errorf("%s is %q, so it must be the container's own id %q", CRIContainerType, kind, id)
	case kind == typeContainer && sandbox == id:
		err = fmt.Errorf("%s is %q, so it cannot be the container's own id", CRIContainerType, kind)
	}
	if err != nil {
		return "", fmt.Errorf("annotation %s=%q: %w: %w", CRISandboxID, sandbox, err, errdefs.ErrInvalidArgument)
	}
	return sandbox, nil
}
