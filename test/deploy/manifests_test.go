// Package deploy checks what is in deploy/kubernetes. It is a module of its own, so that Kubernetes' types stay out of the product's.
package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	apps "k8s.io/api/apps/v1"
	node "k8s.io/api/node/v1"
	"sigs.k8s.io/yaml"
)

const dir = "../../deploy/kubernetes"

// TestManifestsDecode: a field that Kubernetes does not have, or of another type, is an error.
func TestManifestsDecode(t *testing.T) {
	var class node.RuntimeClass
	var web apps.Deployment
	kinds := map[string]any{"runtimeclass.yaml": &class, "deployment.yaml": &web}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) != len(kinds) {
		t.Fatalf("%v %v, want %d files", files, err, len(kinds))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			err = yaml.UnmarshalStrict(b, kinds[filepath.Base(f)])
		}
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	if class.Kind != "RuntimeClass" || web.Kind != "Deployment" || class.APIVersion != node.SchemeGroupVersion.String() || web.APIVersion != apps.SchemeGroupVersion.String() {
		t.Errorf("%s %s, %s %s", class.APIVersion, class.Kind, web.APIVersion, web.Kind)
	}
	if c := web.Spec.Template.Spec.RuntimeClassName; c == nil || *c != class.Name {
		t.Error("the deployment does not use the runtime class")
	}
	for _, drop := range []string{"containerd-2.toml", "containerd-1.7.toml"} {
		b, err := os.ReadFile(filepath.Join(dir, drop))
		if err != nil || !bytes.Contains(b, []byte(".runtimes."+class.Handler+"]")) {
			t.Errorf("%s does not configure the handler %s: %v", drop, class.Handler, err)
		}
	}
}

func TestStrictIsStrict(t *testing.T) {
	var web apps.Deployment
	for _, bad := range []string{"spec: {replica: 2}", "spec: {replicas: two}"} {
		if err := yaml.UnmarshalStrict([]byte(bad), &web); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
