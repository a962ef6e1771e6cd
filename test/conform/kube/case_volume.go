//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"containerd-shim-hcs/test/conform/script"
)

var volumeCases = []Case{
	script.Short("volume/config-map-and-secret", 3*time.Minute, volumeConfig),
	script.Long("volume/config-map-and-secret-as-environment", time.Minute, volumeEnvironment),
	script.Long("volume/empty-dir-is-shared", time.Minute, volumeEmptyDir),
	script.Long("volume/empty-dir-lives-through-a-restart", time.Minute, volumeRestart),
	script.Long("volume/empty-dir-in-memory-is-a-directory", time.Minute, volumeMemory),
	script.Long("volume/projected-token", 90*time.Second, volumeToken),
	script.Long("volume/sub-path-directory", time.Minute, volumeSubPath),
	script.Long("volume/sub-path-file", time.Minute, volumeSubPathFile),
	script.Long("volume/read-only", time.Minute, volumeReadOnly),
	script.Long("volume/host-path", time.Minute, volumeHost),
}

func (t *T) configMap(name string, data map[string]string) {
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	_, err := t.api.CoreV1().ConfigMaps(t.namespace()).Create(t.Ctx, m, metav1.CreateOptions{})
	t.Must(err, "make config map %s", name)
}

func (t *T) secret(name string, data map[string]string) {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
	_, err := t.api.CoreV1().Secrets(t.namespace()).Create(t.Ctx, s, metav1.CreateOptions{})
	t.Must(err, "make secret %s", name)
}

func named(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }

func configVolume(name string) corev1.Volume {
	source := &corev1.ConfigMapVolumeSource{LocalObjectReference: named(name)}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: source}}
}

func secretVolume(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}}}
}

// file waits until the file in the container has that content.
func (p *Pod) file(container, path, want string) {
	var r result
	ok := p.t.Until(100*time.Second, func() bool {
		r = p.exec(container, nil, words("type", path)...)
		return r.err == nil && r.code == 0 && r.out == want
	})
	p.t.Want(ok, "%s is %+v, want %q", path, r, want)
}

// nudge changes the pod, which makes the kubelet look at its volumes now instead of within a minute or so.
func (p *Pod) nudge() {
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"nudged":"%d"}}}`, time.Now().UnixNano())
	_, err := p.t.api.CoreV1().Pods(p.t.ns).Patch(p.t.Ctx, p.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	p.t.Must(err, "annotate pod %s", p.name)
}

// volumeConfig: a changed config map or secret reaches the running container: the files are links through ..data, which the kubelet
// replaces in one step.
func volumeConfig(t *T) {
	t.configMap("settings", map[string]string{"a.txt": "one", "b.txt": "same"})
	t.secret("secrets", map[string]string{"key": "opens"})
	s := t.spec(mount(mount(t.host("main"), "settings", `C:\settings`), "secrets", `C:\secrets`))
	s.Volumes = []corev1.Volume{configVolume("settings"), secretVolume("secrets")}
	p := t.ready(s)
	p.file("main", `C:\settings\a.txt`, "one")
	p.file("main", `C:\secrets\key`, "opens")
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"a.txt": "two", "c.txt": "new"}}
	_, err := t.api.CoreV1().ConfigMaps(t.ns).Update(t.Ctx, settings, metav1.UpdateOptions{})
	t.Must(err, "change the config map")
	secrets := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "secrets"}, StringData: map[string]string{"key": "opens another"}}
	_, err = t.api.CoreV1().Secrets(t.ns).Update(t.Ctx, secrets, metav1.UpdateOptions{})
	t.Must(err, "change the secret")
	p.nudge()
	p.file("main", `C:\settings\a.txt`, "two")
	p.file("main", `C:\settings\c.txt`, "new")
	p.file("main", `C:\secrets\key`, "opens another")
	r := p.exec("main", nil, words("type", `C:\settings\b.txt`)...)
	t.Want(r.err == nil && r.code == 1, "a key that was removed is still there: %+v", r)
	t.Want(of(p.get(), "main").RestartCount == 0, "%s", describe(p.get()))
}

func volumeEnvironment(t *T) {
	t.configMap("settings", map[string]string{"FIRST": "one", "SECOND": "two"})
	t.secret("secrets", map[string]string{"KEY": "opens"})
	c := t.app("main", "env", "FIRST", "SECOND", "PASSWORD")
	c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named("settings")}}}
	key := &corev1.SecretKeySelector{LocalObjectReference: named("secrets"), Key: "KEY"}
	c.Env = []corev1.EnvVar{{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: key}}}
	p := t.pod(t.once(c))
	p.ends(corev1.PodSucceeded)
	p.logs("main", "one\ntwo\nopens\n")
}

func volumeEmptyDir(t *T) {
	s := t.spec(mount(t.host("one"), "v", `C:\v`), mount(t.host("two"), "v", `C:\second\place`))
	s.Volumes = []corev1.Volume{emptyDir("v")}
	p := t.ready(s)
	p.exec("one", nil, words("ls", `C:\v`)...).gives(t, "", "", 0)
	p.exec("one", nil, words("write", `C:\v\f`, "from", "one")...).gives(t, "", "", 0)
	p.exec("two", nil, words("type", `C:\second\place\f`, "--", "append", `C:\second\place\f`, "and", "two")...).gives(t, "from one\n", "", 0)
	p.exec("one", nil, words("type", `C:\v\f`)...).gives(t, "from one\nand two\n", "", 0)
}

func volumeRestart(t *T) {
	c := t.app("main", "append", `C:\v\f`, "again", "--", "append", `C:\f`, "own", "--", "type", `C:\v\f`, "--", "type", `C:\f`, "--", "exit", "1")
	s := t.spec(mount(c, "v", `C:\v`))
	s.Volumes = []corev1.Volume{emptyDir("v")}
	p := t.pod(s)
	p.until("restarted once", func(pod *corev1.Pod) bool {
		return of(pod, "main").RestartCount == 1 && (of(pod, "main").State.Terminated != nil || of(pod, "main").State.Waiting != nil)
	})
	got := p.log(corev1.PodLogOptions{})
	t.Want(got == "again\nagain\nown\n", "the second time the files are %q: the volume's twice, the container's own once", got)
}

// volumeMemory: Windows has no memory file system, and the kubelet makes a directory in its place (k8s.io/mount-utils, mount_windows.go).
func volumeMemory(t *T) {
	s := t.once(mount(t.app("main", "write", `C:\v\f`, "kept", "--", "type", `C:\v\f`), "v", `C:\v`))
	v := emptyDir("v")
	v.EmptyDir.Medium = corev1.StorageMediumMemory
	s.Volumes = []corev1.Volume{v}
	p := t.pod(s)
	p.ends(corev1.PodSucceeded)
	p.logs("main", "kept\n")
}

// volumeToken: what every pod has by default is there, and the API server knows the token as the pod's service account.
func volumeToken(t *T) {
	s := t.spec(t.host("main"))
	s.AutomountServiceAccountToken = nil
	p := t.ready(s)
	const dir = `C:\var\run\secrets\kubernetes.io\serviceaccount\`
	p.exec("main", nil, words("type", dir+"namespace")...).gives(t, t.ns, "", 0)
	r := p.exec("main", nil, words("type", dir+"ca.crt")...)
	t.Want(r.err == nil && strings.HasPrefix(r.out, "-----BEGIN CERTIFICATE-----"), "ca.crt is %+v", r)
	r = p.exec("main", nil, words("type", dir+"token")...)
	t.Must(r.err, "read the token")
	review := &authv1.TokenReview{Spec: authv1.TokenReviewSpec{Token: r.out}}
	review, err := t.api.AuthenticationV1().TokenReviews().Create(t.Ctx, review, metav1.CreateOptions{})
	t.Must(err, "review the token")
	t.Want(review.Status.Authenticated && review.Status.User.Username == "system:serviceaccount:"+t.ns+":default",
		"the token is of %+v", review.Status)
	t.Want(strings.Contains(fmt.Sprint(review.Status.User.Extra), p.name), "the token is not bound to the pod: %v", review.Status.User.Extra)
}

func subPath(path string) func(*corev1.VolumeMount) {
	return func(m *corev1.VolumeMount) { m.SubPath = path }
}

func readOnly(m *corev1.VolumeMount) { m.ReadOnly = true }

func volumeSubPath(t *T) {
	s := t.spec(mount(t.host("whole"), "v", `C:\v`), mount(t.host("part"), "v", `C:\part`, subPath("a/b")))
	s.Volumes = []corev1.Volume{emptyDir("v")}
	p := t.ready(s)
	p.exec("part", nil, words("write", `C:\part\f`, "from", "within")...).gives(t, "", "", 0)
	p.exec("whole", nil, words("type", `C:\v\a\b\f`)...).gives(t, "from within\n", "", 0)
	p.exec("whole", nil, words("write", `C:\v\outside`, "x")...).gives(t, "", "", 0)
	p.exec("part", nil, words("ls", `C:\part`)...).gives(t, "f\n", "", 0)
}

// volumeSubPathFile: one file of a config map among the files of the image.
func volumeSubPathFile(t *T) {
	t.configMap("settings", map[string]string{"a.txt": "the file", "b.txt": "not this one"})
	s := t.spec(mount(t.host("main"), "settings", `C:\app\extra\a.txt`, subPath("a.txt")))
	s.Volumes = []corev1.Volume{configVolume("settings")}
	p := t.ready(s)
	p.exec("main", nil, words("type", `C:\app\extra\a.txt`)...).gives(t, "the file", "", 0)
	r := p.exec("main", nil, words("type", `C:\app\extra\b.txt`)...)
	t.Want(r.err == nil && r.code == 1, "the other file is there too: %+v", r)
	p.exec("main", nil, words("type", `C:\app\hello.txt`)...).gives(t, "hello from the app layer\n", "", 0)
}

func volumeReadOnly(t *T) {
	s := t.spec(mount(t.host("main"), "v", `C:\v`, readOnly), mount(t.app("writer", "write", `C:\v\f`, "written", "--", "trap"), "v", `C:\v`))
	s.Volumes = []corev1.Volume{emptyDir("v")}
	p := t.ready(s)
	p.says("writer", "trapping")
	p.exec("main", nil, words("type", `C:\v\f`)...).gives(t, "written\n", "", 0)
	for _, args := range [][]string{{"write", `C:\v\g`, "x"}, {"append", `C:\v\f`, "x"}, {"rm", `C:\v\f`}} {
		r := p.exec("main", nil, words(args...)...)
		t.Want(r.err == nil && r.code == 1, "%v on a read-only volume: %+v", args, r)
	}
	p.exec("writer", nil, words("ls", `C:\v`, "--", "type", `C:\v\f`)...).gives(t, "f\nwritten\n", "", 0)
}

// volumeHost: a directory and a single file of the node, both ways; one that is not there is told and not made.
func volumeHost(t *T) {
	dir, path := t.hostDir()
	t.Must(os.WriteFile(filepath.Join(dir, "f"), []byte("of the node\n"), 0o644), "write a file")
	s := t.spec(mount(mount(t.host("main"), "dir", `C:\dir`), "file", `C:\one\file.txt`))
	s.Volumes = []corev1.Volume{
		hostPath("dir", path, corev1.HostPathDirectory), hostPath("file", path+`\f`, corev1.HostPathFile),
	}
	p := t.ready(s)
	p.exec("main", nil, words("type", `C:\dir\f`, "--", "type", `C:\one\file.txt`)...).gives(t, "of the node\nof the node\n", "", 0)
	p.exec("main", nil, words("write", `C:\dir\g`, "of", "the", "pod")...).gives(t, "", "", 0)
	b, err := os.ReadFile(filepath.Join(dir, "g"))
	t.Want(err == nil && string(b) == "of the pod\n", "on the node the file is %q, %v", b, err)
	bad := t.spec(mount(t.host("main"), "dir", `C:\dir`))
	bad.Volumes = []corev1.Volume{hostPath("dir", path+`\none`, corev1.HostPathDirectory)}
	q := t.pod(bad)
	q.event("FailedMount", "none")
	_, err = os.Stat(filepath.Join(dir, "none"))
	t.Want(os.IsNotExist(err), "the directory was made: %v", err)
}
