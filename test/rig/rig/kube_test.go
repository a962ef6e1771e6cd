//go:build linux

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func readCertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s is not PEM", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestEachIdentityIsOfTheAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := makePKI(dir); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(readCertificate(t, filepath.Join(dir, "ca.crt")))
	for _, id := range identities {
		cert := readCertificate(t, filepath.Join(dir, id.name+".crt"))
		opt := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		if id.serves {
			opt.KeyUsages, opt.DNSName = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, "localhost"
		}
		if _, err := cert.Verify(opt); err != nil {
			t.Errorf("%s: %v", id.name, err)
		}
		if err := cert.VerifyHostname("127.0.0.1"); (err == nil) != id.serves {
			t.Errorf("%s as 127.0.0.1: %v", id.name, err)
		}
		if group := strings.Join(cert.Subject.Organization, ","); cert.Subject.CommonName != id.user || group != id.group {
			t.Errorf("%s is %s of %q", id.name, cert.Subject.CommonName, group)
		}
		if _, err := tls.LoadX509KeyPair(filepath.Join(dir, id.name+".crt"), filepath.Join(dir, id.name+".key")); err != nil {
			t.Errorf("%s: %v", id.name, err)
		}
	}
	before := readCertificate(t, filepath.Join(dir, "ca.crt"))
	if err := makePKI(dir); err != nil || !before.Equal(readCertificate(t, filepath.Join(dir, "ca.crt"))) {
		t.Errorf("a second call changes it (%v)", err)
	}
}

func TestKubeconfigHasTheIdentitysOwnCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := makePKI(dir); err != nil {
		t.Fatal(err)
	}
	b, err := kubeconfigOf("kube-scheduler", "https://127.0.0.1:1", dir)
	if err != nil {
		t.Fatal(err)
	}
	for key, file := range map[string]string{
		"certificate-authority-data": "ca.crt", "client-certificate-data": "kube-scheduler.crt", "client-key-data": "kube-scheduler.key",
	} {
		want, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), key+": "+base64.StdEncoding.EncodeToString(want)+"\n") {
			t.Errorf("%s is not that of %s:\n%s", key, file, b)
		}
	}
	if strings.Contains(string(b), "%!") || strings.Count(string(b), "kube-scheduler\n") != 2 {
		t.Errorf("kubeconfig:\n%s", b)
	}
	if _, err := kubeconfigOf("nobody", "https://127.0.0.1:1", dir); err == nil || !strings.Contains(err.Error(), "nobody.crt") {
		t.Errorf("of an identity that is not there: %v", err)
	}
}

// Ports stay the same from start to start, until one is taken by another program.
func TestPortsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ports.json")
	first, err := kubePorts.choose(path, false)
	if err != nil || len(first) != len(kubePorts) {
		t.Fatalf("%v, %v", first, err)
	}
	seen := map[int]bool{}
	for name, p := range first {
		if seen[p] || p < firstPort || p > lastPort {
			t.Errorf("%s has port %d of %v", name, p, first)
		}
		seen[p] = true
	}
	again, err := kubePorts.choose(path, false)
	if err != nil || again["kubelet"] != first["kubelet"] {
		t.Errorf("first %v, then %v, %v", first, again, err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first["kubelet"])))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if runs, err := kubePorts.choose(path, true); err != nil || runs["kubelet"] != first["kubelet"] {
		t.Errorf("in use by the cluster itself: %v, were %v, %v", runs, first, err)
	}
	other, err := kubePorts.choose(path, false)
	if err != nil || other["kubelet"] == first["kubelet"] {
		t.Errorf("in use by another: %v, were %v, %v", other, first, err)
	}
	kept, err := kubePorts.kept(path)
	if err != nil || kept["kubelet"] != other["kubelet"] {
		t.Errorf("kept %v, chosen %v, %v", kept, other, err)
	}
	if err := os.WriteFile(path, []byte(`{"etcd": 1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := kubePorts.choose(path, false); err == nil || !strings.Contains(err.Error(), "etcd-peer") {
		t.Errorf("a file without the others: %v", err)
	}
}

func TestNodeTakesPods(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	for _, c := range []struct{ name, node, want string }{
		{"ready", `{"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-02T03:04:05Z"}]}}`, ""},
		{"old", `{"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-02T03:04:04Z"}]}}`, "not reported"},
		{"not ready", `{"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no network"}]}}`, "no network"},
		{"tainted", `{"spec": {"taints": [{"key": "node.kubernetes.io/not-ready"}]},
			"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-02T03:04:06Z"}]}}`, "taint"},
		{"silent", `{"status": {"conditions": [{"type": "DiskPressure", "status": "True"}]}}`, "has not told"},
	} {
		var n node
		if err := json.Unmarshal([]byte(c.node), &n); err != nil {
			t.Fatal(err)
		}
		err := n.takesPods(since)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %q", c.name, err, c.want)
		}
	}
}

// apiServer is an API server that answers by path, for who has the administrator's certificate.
func apiServer(t *testing.T, answers map[string]string) *kubeAPI {
	t.Helper()
	pki := filepath.Join(t.TempDir(), "pki")
	if err := makePKI(pki); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(pki, "kube-apiserver.crt"), filepath.Join(pki, "kube-apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(readCertificate(t, filepath.Join(pki, "ca.crt")))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who := r.TLS.PeerCertificates[0].Subject.CommonName; who != "admin" {
			t.Errorf("%s is called by %q", r.URL, who)
		}
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		code, body, _ := strings.Cut(answer, " ")
		status, err := strconv.Atoi(code)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	s.StartTLS()
	t.Cleanup(s.Close)
	api, err := newKubeAPI(s.URL, pki)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestKubeAPI(t *testing.T) {
	api := apiServer(t, map[string]string{
		"GET /readyz": "500 [-]etcd failed",
		"GET /object": `200 {"spec": {"taints": [{"key": "k"}]}}`,
		"POST /new":   "201 {}",
		"POST /old":   "409 {}",
		"POST /bad":   "422 the field is required",
	})
	if err := api.ready(); err == nil || !strings.Contains(err.Error(), "[-]etcd failed") {
		t.Errorf("ready: %v", err)
	}
	var n node
	if err := api.get("/object", &n); err != nil || len(n.Spec.Taints) != 1 || n.Spec.Taints[0].Key != "k" {
		t.Errorf("get: %+v, %v", n, err)
	}
	if err := api.get("/none", nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("get of nothing: %v", err)
	}
	for _, path := range []string{"/new", "/old"} {
		if err := api.create(path, runtimeClass("hcs")); err != nil {
			t.Errorf("create %s: %v", path, err)
		}
	}
	if err := api.create("/bad", runtimeClass("")); err == nil || !strings.Contains(err.Error(), "the field is required") {
		t.Errorf("create: %v", err)
	}
}

func TestKubeUpNamesTheMissingProgram(t *testing.T) {
	dir := t.TempDir()
	for _, name := range append([]string{"kubelet.exe"}, controlPlane[:2]...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	in := &Instance{Dir: t.TempDir()}
	err := in.KubeUp(dir, Options{})
	if err == nil || !strings.Contains(err.Error(), controlPlane[2]) || !strings.Contains(err.Error(), "build.sh") {
		t.Errorf("error %v", err)
	}
	if in.isNode() {
		t.Error("the instance has become a node")
	}
}

func TestControlPlaneHasArguments(t *testing.T) {
	in := &Instance{Dir: "/rig"}
	ports := map[string]int{}
	for i, name := range kubePorts {
		ports[name] = 20001 + i
	}
	args := in.controlPlaneArgs(ports)
	for _, name := range controlPlane {
		line := strings.Join(args[name], " ")
		if !strings.Contains(line, strconv.Itoa(ports[name])) {
			t.Errorf("%s does not have its port: %s", name, line)
		}
		if strings.Contains(line, "0.0.0.0") || !strings.Contains(line, "127.0.0.1") {
			t.Errorf("%s is not on 127.0.0.1 alone: %s", name, line)
		}
	}
}

// The configuration that goes to containerd and the classes of the cluster name the same handlers.
func TestRuntimeHandlersAreContainerds(t *testing.T) {
	for _, name := range runtimeHandlers {
		if !strings.Contains(config, "containerd.runtimes."+name+"]") {
			t.Errorf("containerd has no handler %s", name)
		}
	}
	if n := strings.Count(config, "runtime_type"); n != len(runtimeHandlers) {
		t.Errorf("containerd has %d handlers, the cluster %d", n, len(runtimeHandlers))
	}
}

func TestRestartNamesWhatIsWrong(t *testing.T) {
	in := &Instance{Dir: t.TempDir()}
	if err := in.Restart("etcd"); err == nil || !strings.Contains(err.Error(), `"etcd"`) {
		t.Errorf("another program: %v", err)
	}
	if err := in.Restart("kubelet"); err == nil || !strings.Contains(err.Error(), "no kubelet") {
		t.Errorf("not running: %v", err)
	}
}

// Of a node, containerd and the kubelet have the hook's mode and are on drive C; the simulator, and what is no node, have neither.
func TestNodeSetting(t *testing.T) {
	in := &Instance{Dir: t.TempDir()}
	for _, d := range []string{in.path("log"), in.drive()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	in.wine.loader = filepath.Join(in.Dir, "loader")
	if err := os.WriteFile(in.wine.loader, []byte("#!/bin/sh\necho \"node ${HCSSIM_NODE:-no}\"; pwd -P; echo end\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kube, name, mode, dir string }{
		{"", "containerd", "no", here},
		{"kube", "containerd", "1", in.drive()},
		{"kube", "kubelet", "1", in.drive()},
		{"kube", "simd", "no", here},
	} {
		if err := os.MkdirAll(in.path(c.kube), 0o755); err != nil {
			t.Fatal(err)
		}
		log := in.path("log", c.name+".log")
		if err := os.RemoveAll(log); err != nil {
			t.Fatal(err)
		}
		if _, err := in.spawn(c.name); err != nil && !os.IsNotExist(err) { // it may have ended before it is looked up
			t.Fatal(err)
		}
		want := "node " + c.mode + "\n" + c.dir + "\nend\n"
		if err := poll(5*time.Second, func() error {
			if b, err := os.ReadFile(log); err != nil || string(b) != want {
				return fmt.Errorf("%q, %w", b, errors.Join(err, os.ErrNotExist))
			}
			return nil
		}); err != nil {
			t.Errorf("%s %s: %v, want %q", c.kube, c.name, err, want)
		}
	}
}

func TestStartedTellsWhatIsAlive(t *testing.T) {
	in := &Instance{Dir: t.TempDir()}
	if list, err := in.Started(); err != nil || list == nil || len(list) != 0 {
		t.Errorf("of nothing: %v, %v", list, err)
	}
	p, err := spawn(exec.Command("sleep", "60"), filepath.Join(in.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(p.Pid, syscall.SIGKILL) }()
	for name, p := range map[string]process{"b": p, "a": {Pid: p.Pid, Start: p.Start - 1}} {
		if err := in.remember(name, p); err != nil {
			t.Fatal(err)
		}
	}
	list, err := in.Started()
	if err != nil || len(list) != 2 || list[0] != (Started{"a", p.Pid, false}) || list[1] != (Started{"b", p.Pid, true}) {
		t.Errorf("%+v, %v", list, err)
	}
}

// stoppable is an instance whose programs can be started and ended without Wine.
func stoppable(t *testing.T) *Instance {
	t.Helper()
	in := &Instance{Dir: t.TempDir()}
	for _, d := range []string{in.path("log"), in.path("kube"), in.drive()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	in.wine.prefix = in.path("prefix")
	var err error
	if in.wine.server, err = exec.LookPath("true"); err != nil {
		t.Fatal(err)
	}
	// containerd.exe runs until it is ended, and every other program succeeds.
	in.wine.loader = filepath.Join(in.Dir, "loader")
	loader := "#!/bin/bash\ncase $1 in *containerd.exe) exec -a \"$1\" sleep 60 ;; esac\n"
	if err := os.WriteFile(in.wine.loader, []byte(loader), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		procs, err := in.started()
		for _, p := range procs {
			err = errors.Join(err, p.end(5*time.Second))
		}
		if err != nil {
			t.Error(err)
		}
	})
	return in
}

func TestAControlPlaneOfOtherProgramsCannotStay(t *testing.T) {
	in := stoppable(t)
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := copyFile(sleep, filepath.Join(dir, "etcd")); err != nil {
		t.Fatal(err)
	}
	p, err := in.spawnLinux(filepath.Join(dir, "etcd"), "60")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.stopOthers(dir); err != nil || !p.alive() {
		t.Errorf("of the same directory: alive %v, %v", p.alive(), err)
	}
	if err := in.stopOthers(t.TempDir()); err != nil || p.alive() {
		t.Errorf("of another directory: alive %v, %v", p.alive(), err)
	}
}

// daemon starts containerd and waits until it is found as such: between fork and exec it is the loader.
func daemon(t *testing.T, in *Instance) process {
	t.Helper()
	if err := in.startContainerd(); err != nil {
		t.Fatal(err)
	}
	var found []process
	if err := poll(5*time.Second, func() (err error) {
		if found, err = in.find("containerd.exe"); err == nil && len(found) != 1 {
			err = fmt.Errorf("%d containerds", len(found))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return found[0]
}

func TestAContainerdThatIsNoNodesCannotStay(t *testing.T) {
	in := stoppable(t)
	p := daemon(t, in)
	if err := in.stopOthers(t.TempDir()); err != nil || !p.alive() {
		t.Errorf("of a node: alive %v, %v", p.alive(), err)
	}
	if err := in.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(in.path("kube")); err != nil {
		t.Fatal(err)
	}
	p = daemon(t, in)
	if err := in.stopOthers(t.TempDir()); err != nil || p.alive() {
		t.Errorf("of no node: alive %v, %v", p.alive(), err)
	}
}

func TestRestart(t *testing.T) {
	in := stoppable(t)
	before := daemon(t, in)
	if err := in.Restart("containerd"); err != nil {
		t.Fatal(err)
	}
	procs, err := in.started()
	if after := procs["containerd"]; err != nil || before.alive() || !after.alive() || after == before {
		t.Errorf("before %+v, alive %v; after %+v, alive %v (%v)", before, before.alive(), after, after.alive(), err)
	}
}
