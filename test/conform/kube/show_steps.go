//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// showSteps is the session.
var showSteps = []struct {
	title string
	run   func(*session)
}{
	{"The node: an unmodified kubelet.exe with an unmodified containerd.exe, under Wine", showNode},
	{"A Deployment is rolled out, scaled, updated and rolled back", showDeployment},
	{"Logs and exec", showExec},
	{"More pods, for what follows", showPods},
	{"Attach", showAttach},
	{"Port-forward", showForward},
	{"Probes of three kinds; a failing liveness restarts the container", showProbes},
	{"Init container and sidecar; an emptyDir between them", showSidecar},
	{"ConfigMap, Secret, downward API, a projected token", showVolumes},
	{"A graceful end: the preStop hook, and what a program says when it is told to stop", showFarewell},
	{"A crash loop, with the exit code", showCrash},
	{"Out of memory", showMemory},
	{"A Job", showJob},
	{"Resize in place", showResize},
	{"Runtime classes: ours, with containerd's sandbox API, and Microsoft's shim on the same node", showClasses},
	{"Everything is deleted", showEnd},
}

func showNode(s *session) {
	out := s.succeeds("get", "nodes", "-o", "wide")
	s.check(strings.Contains(out, " Ready "), "the node is Ready")
	s.succeeds("get", "runtimeclasses")
	s.succeeds("create", "namespace", showNamespace)
	s.waits("default", "pods can be made", "get", "serviceaccounts")
}

func showDeployment(s *session) {
	s.apply("web.yaml")
	rolled := func(what string) {
		_, code := s.do("rollout", "status", "deployment/web", "--timeout=150s")
		s.check(code == 0, "%s", what)
	}
	images := func(tag string) {
		out := s.succeeds("get", "pods", "-l", "app=web", "--field-selector=status.phase=Running",
			"-o", `jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].image} {.status.podIP}{"\n"}{end}`)
		s.check(strings.Contains(out, "winapp:"+tag), "its pods have the image winapp:%s", tag)
	}
	rolled("three pods are Ready")
	images("1")
	s.succeeds("scale", "deployment/web", "--replicas=10")
	rolled("ten pods are Ready")
	s.succeeds("scale", "deployment/web", "--replicas=3")
	rolled("three are kept")
	s.succeeds("set", "image", "deployment/web", "main=docker.io/library/winapp:2")
	rolled("the update is through")
	images("2")
	s.succeeds("rollout", "undo", "deployment/web")
	rolled("and taken back")
	images("1")
	s.succeeds("get", "pods", "-o", "wide")
}

func showExec(s *session) {
	out := s.succeeds("logs", "deployment/web", "--all-containers")
	s.check(strings.Contains(out, "the init container came first") && strings.Contains(out,
		"the main container is up"), "the log has both containers' lines")
	out, code := s.do("exec", "deployment/web", "-c", "main", "--", "winapp.exe", "print", "hello from an exec", "--", "exit", "7")
	s.check(strings.Contains(out, "hello from an exec") && code == 7, "the exec prints, and ends with 7: exit code %d", code)
	out, code = s.doWith("typed in\n", "exec", "-i", "deployment/web", "-c", "main", "--", "winapp.exe", "serve-lines")
	s.check(strings.Contains(out, "got: typed in") && code == 0, "it reads what is typed")
}

func showPods(s *session) {
	s.apply("pods.yaml")
}

// ready waits for the pod's readiness.
func (s *session) ready(pod string) {
	_, code := s.do("wait", "--for=condition=Ready", "pod/"+pod, "--timeout=150s")
	s.check(code == 0, "pod %s is Ready", pod)
}

func showAttach(s *session) {
	s.ready("talker")
	out, end := s.beside("hello\n", "attach", "-i", "talker") // it stays for as long as the container does
	answered := out.until("got: hello", 30*time.Second)
	end(0)
	s.print(out.String())
	s.check(answered, "the running program answers what is typed")
}

func showForward(s *session) {
	s.ready("probed")
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		s.check(false, "%v", err)
		return
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	out, end := s.beside("", "port-forward", "--address=127.0.0.1", "pod/probed", fmt.Sprintf("%d:8080", port))
	defer end(0)
	s.check(out.until("Forwarding from", 30*time.Second), "the tunnel is open")
	s.print(out.String())
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/echo?msg=through-the-tunnel", port))
	if err != nil {
		s.check(false, "the page: %v", err)
		return
	}
	defer r.Body.Close()
	page := make([]byte, 100)
	n, _ := r.Body.Read(page)
	s.check(string(page[:n]) == "through-the-tunnel", "GET http://127.0.0.1:%d/echo?msg=… answers %q", port, page[:n])
}

func showProbes(s *session) {
	s.ready("probed")
	s.succeeds("exec", "probed", "-c", "exec", "--", "winapp.exe", "rm", `C:\alive`)
	s.waits("exec 1 9", "the liveness probe failed, the program ended with 9 when it was told to stop, and runs again", "get", "pod", "probed",
		"-o", `jsonpath={range .status.containerStatuses[?(@.name=="exec")]}{.name} {.restartCount} {.lastState.terminated.exitCode}{end}`)
	s.succeeds("get", "events", "--field-selector", "involvedObject.name=probed,reason=Unhealthy", "-o", "custom-columns=MESSAGE:.message")
}

func showSidecar(s *session) {
	_, code := s.do("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/sidecar", "--timeout=150s")
	s.check(code == 0, "the pod has succeeded: its sidecar was stopped after the main container")
	out := s.succeeds("logs", "sidecar", "-c", "main")
	s.check(strings.Contains(out, "written by the init container") && strings.Contains(out,
		"written by the sidecar"), "the main container saw the files of both")
	out = s.succeeds("logs", "sidecar", "-c", "side")
	s.check(strings.Contains(out, "CtrlShutdown"), "the sidecar was told to stop")
}

func showVolumes(s *session) {
	s.ready("volumes")
	out := s.succeeds("exec", "volumes", "--", "winapp.exe",
		"type", `C:\settings\colour`, "--", "print", "--", "type", `C:\all\door`, "--", "print", "--", "type", `C:\all\labels`)
	s.check(strings.Contains(out, "green") && strings.Contains(out, "opens") && strings.Contains(out, `app="volumes"`),
		"config map, secret and labels are files")
	out = s.succeeds("exec", "volumes", "--", "winapp.exe", "env", "POD_NAME", "POD_IP", "--", "ls", `C:\all`)
	s.check(strings.HasPrefix(out, "volumes\n127.") && strings.Contains(out, "token"),
		"name and address are in the environment; there is a token")
	s.succeeds("patch", "configmap", "settings", "-p", `{"data":{"colour":"blue"}}`)
	s.succeeds("annotate", "pod", "volumes", "look=again") // the kubelet looks at volumes within a minute or so, or when the pod changes
	s.waits("blue", "the changed config map is in the running container", "exec", "volumes", "--", "winapp.exe", "type", `C:\settings\colour`)
}

func showFarewell(s *session) {
	s.ready("farewell")
	hook, endHook := s.beside("", "logs", "-f", "farewell", "-c", "main")
	stop, endStop := s.beside("", "logs", "-f", "farewell", "-c", "handles-it")
	s.check(stop.until("trapping", 30*time.Second), "the program is ready to be stopped")
	s.succeeds("delete", "pod", "farewell")
	endHook(10 * time.Second)
	endStop(10 * time.Second)
	s.print(hook.String())
	s.print(stop.String())
	s.check(strings.Contains(hook.String(), "the-hook-was-here"), "the hook's request is in the log")
	s.check(strings.Contains(stop.String(), "CtrlShutdown"), "the event is in the log")
}

func showCrash(s *session) {
	s.waits("CrashLoopBackOff 7 Error", "it is told with code and reason", "get", "pod", "crashes",
		"-o", "jsonpath={range .status.containerStatuses[0]}{.state.waiting.reason} {.lastState.terminated.exitCode} {.lastState.terminated.reason}{end}")
}

func showMemory(s *session) {
	s.waits("OOMKilled", "200 MB with a limit of 64 MB", "get", "pod", "hungry", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.reason}")
}

func showJob(s *session) {
	_, code := s.do("wait", "--for=condition=Complete", "job/work", "--timeout=150s")
	s.check(code == 0, "the job is complete")
	s.succeeds("get", "job", "work")
	out := s.succeeds("logs", "-l", "job-name=work")
	s.check(strings.Count(out, "worked") == 3, "three pods worked")
}

func showResize(s *session) {
	s.ready("limited")
	s.succeeds("patch", "pod", "limited", "--subresource", "resize",
		"-p", `{"spec":{"containers":[{"name":"main","resources":{"limits":{"memory":"256Mi"}}}]}}`)
	s.waits("not supported on Windows", "Kubernetes 1.34 does not resize pods on a Windows node, and says so; the shim could (docs/kubernetes.md)",
		"get", "pod", "limited", "-o", `jsonpath={range .status.conditions[?(@.type=="PodResizePending")]}{.reason}: {.message}{end}`)
}

func showClasses(s *session) {
	s.ready("of-the-peer")
	s.ready("of-the-sandbox-api")
	s.succeeds("get", "pods", "-o", "custom-columns=NAME:.metadata.name,CLASS:.spec.runtimeClassName,PHASE:.status.phase,ADDRESS:.status.podIP")
	for _, class := range []string{"hcs", "runhcs"} {
		list, err := s.rig.programs(shimExe(class))
		s.check(err == nil && len(list) > 0, "%d processes %s run", len(list), shimExe(class))
	}
}

func showEnd(s *session) {
	_, code := s.do("delete", "namespace", showNamespace, "--timeout=150s")
	s.check(code == 0, "the namespace is gone")
	s.nothingLeft()
}
