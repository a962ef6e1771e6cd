package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"containerd-shim-hcs/task/annotation"
)

// homeOf is the id of the container whose shim serves the one of a bundle: that of its pod's sandbox, or its own. There is one shim for a
// pod, named after the sandbox, so that whoever knows the annotations knows its address.
//
// containerd from 2.3 on starts no shim for a container that it knows to be in a pod. Its bootstrap parameters do not name the sandbox
// either (containerd-protocol §1.2, §1.5), so the annotations are what there is.
func homeOf(bundle, id string) (string, error) {
	b, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if errors.Is(err, fs.ErrNotExist) { // a sandbox that containerd makes by its sandbox API has no spec
		return id, nil
	}
	if err != nil {
		return "", fmt.Errorf("bundle: %w", err)
	}
	var spec struct {
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		return "", fmt.Errorf("bundle: config.json: %w", err)
	}
	sandbox, err := annotation.Sandbox(id, spec.Annotations)
	if err != nil {
		return "", err
	}
	if sandbox == "" {
		return id, nil
	}
	return sandbox, nil
}
