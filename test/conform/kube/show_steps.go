//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"containerd-shim-hcs/test/conform/script"
)

// steps are the session.
func (s *session) steps() []script.Step {
	return []script.Step{
		{Title: "The node: an unmodified kubelet.exe with an unmodified containerd.exe, under Wine", Run: s.showNode},
		{Title: "A Deployment is rolled out, scaled, updated and rolled back", Run: s.showDeployment},
		{Title: "Logs and exec", Run: s.showExec},
		{Title: "More pods, for what follows", Run: s.showPods},
		{Title: "Attach", Run: s.showAttach},
		{Title: "Port-forward", Run: s.showForward},
		{Title: "Probes of three kinds; a failing liveness restarts the container", Run: s.showProbes},
		{Title: "Init container and sidecar; an emptyDir between them", Run: s.showSidecar},
		{Title: "ConfigMap, Secret, downward API, a projected token", Run: s.showVolumes},
		{Title: "A graceful end: the preStop hook, and what a program says when it is told to stop", Run: s.showFarewell},
		{Title: "A crash loop, with the exit code", Run: s.showCrash},
		{Title: "Out of memory", Run: s.showMemory},
		{Title: "A Job", Run: s.showJob},
		{Title: "Resize in place", Run: s.showResize},
		{Title: "Runtime classes: ours, with containerd's sandbox API, and Microsoft's shim on the same node", Run: s.showClasses},
		{Title: "Everything is deleted", Run: s.showEnd},
	}
}

func (s *session) showNode() {
	out := s.Succeeds("get", "nodes", "-o", "wide")
	s.Check(strings.Contains(out, " Ready "), "the node is Ready")
	s.Succeeds("get", "runtimeclasses")
	s.Succeeds("create", "namespace", showNamespace)
	s.Waits("default", "pods can be made", "get", "serviceaccounts")
}

func (s *session) showDeployment() {
	s.apply("web.yaml")
	rolled := func(what string) {
		_, code := s.Do("rollout", "status", "deployment/web", "--timeout=150s")
		s.Check(code == 0, "%s", what)
	}
	images := func(tag string) {
		out := s.Succeeds("get", "pods", "-l", "app=web", "--field-selector=status.phase=Running",
			"-o", `jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].image} {.status.podIP}{"\n"}{end}`)
		s.Check(strings.Contains(out, "winapp:"+tag), "its pods have the image winapp:%s", tag)
	}
	rolled("three pods are Ready")
	images("1")
	s.Succeeds("scale", "deployment/web", "--replicas=10")
	rolled("ten pods are Ready")
	s.Succeeds("scale", "deployment/web", "--replicas=3")
	rolled("three are kept")
	s.Succeeds("set", "image", "deployment/web", "main=docker.io/library/winapp:2")
	rolled("the update is through")
	images("2")
	s.Succeeds("rollout", "undo", "deployment/web")
	rolled("and taken back")
	images("1")
	s.Succeeds("get", "pods", "-o", "wide")
}

func (s *session) showExec() {
	out := s.Succeeds("logs", "deployment/web", "--all-containers")
	s.Check(strings.Contains(out, "the init container came first") && strings.Contains(out,
		"the main container is up"), "the log has both containers' lines")
	out, code := s.Do("exec", "deployment/web", "-c", "main", "--", "winapp.exe", "print", "hello from an exec", "--", "exit", "7")
	s.Check(strings.Contains(out, "hello from an exec") && code == 7, "the exec prints, and ends with 7: exit code %d", code)
	out, code = s.DoWith("typed in\n", "exec", "-i", "deployment/web", "-c", "main", "--", "winapp.exe", "serve-lines")
	s.Check(strings.Contains(out, "got: typed in") && code == 0, "it reads what is typed")
}

func (s *session) showPods() {
	s.apply("pods.yaml")
}

// ready waits for the pod's readiness.
func (s *session) ready(pod string) {
	_, code := s.Do("wait", "--for=condition=Ready", "pod/"+pod, "--timeout=150s")
	s.Check(code == 0, "pod %s is Ready", pod)
}

func (s *session) showAttach() {
	s.ready("talker")
	out, end := s.Beside("hello\n", "attach", "-i", "talker") // it stays for as long as the container does
	answered := out.Until("got: hello", 30*time.Second)
	end(0)
	s.Print(out.String())
	s.Check(answered, "the running program answers what is typed")
}

func (s *session) showForward() {
	s.ready("probed")
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		s.Check(false, "%v", err)
		return
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	out, end := s.Beside("", "port-forward", "--address=127.0.0.1", "pod/probed", fmt.Sprintf("%d:8080", port))
	defer end(0)
	s.Check(out.Until("Forwarding from", 30*time.Second), "the tunnel is open")
	s.Print(out.String())
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/echo?msg=through-the-tunnel", port))
	if err != nil {
		s.Check(false, "the page: %v", err)
		return
	}
	defer r.Body.Close()
	page := make([]byte, 100)
	n, _ := r.Body.Read(page)
	s.Check(string(page[:n]) == "through-the-tunnel", "GET http://127.0.0.1:%d/echo?msg=… answers %q", port, page[:n])
}

func (s *session) showProbes() {
	s.ready("probed")
	s.Succeeds("exec", "probed", "-c", "exec", "--", "winapp.exe", "rm", `C:\alive`)
	s.Waits("exec 1 9", "the liveness probe failed, the program ended with 9 when it was told to stop, and runs again", "get", "pod", "probed",
		"-o", `jsonpath={range .status.containerStatuses[?(@.name=="exec")]}{.name} {.restartCount} {.lastState.terminated.exitCode}{end}`)
	s.Succeeds("get", "events", "--field-selector", "involvedObject.name=probed,reason=Unhealthy", "-o", "custom-columns=MESSAGE:.message")
}

func (s *session) showSidecar() {
	_, code := s.Do("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/sidecar", "--timeout=150s")
	s.Check(code == 0, "the pod has succeeded: its sidecar was stopped after the main container")
	out := s.Succeeds("logs", "sidecar", "-c", "main")
	s.Check(strings.Contains(out, "written by the init container") && strings.Contains(out,
		"written by the sidecar"), "the main container saw the files of both")
	out = s.Succeeds("logs", "sidecar", "-c", "side")
	s.Check(strings.Contains(out, "CtrlShutdown"), "the sidecar was told to stop")
}

func (s *session) showVolumes() {
	s.ready("volumes")
	out := s.Succeeds("exec", "volumes", "--", "winapp.exe",
		"type", `C:\settings\colour`, "--", "print", "--", "type", `C:\all\door`, "--", "print", "--", "type", `C:\all\labels`)
	s.Check(strings.Contains(out, "green") && strings.Contains(out, "opens") && strings.Contains(out, `app="volumes"`),
		"config map, secret and labels are files")
	out = s.Succeeds("exec", "volumes", "--", "winapp.exe", "env", "POD_NAME", "POD_IP", "--", "ls", `C:\all`)
	s.Check(strings.HasPrefix(out, "volumes\n127.") && strings.Contains(out, "token"),
		"name and address are in the environment; there is a token")
	s.Succeeds("patch", "configmap", "settings", "-p", `{"data":{"colour":"blue"}}`)
	s.Succeeds("annotate", "pod", "volumes", "look=again") // the kubelet looks at volumes within a minute or so, or when the pod changes
	s.Waits("blue", "the changed config map is in the running container", "exec", "volumes", "--", "winapp.exe", "type", `C:\settings\colour`)
}

func (s *session) showFarewell() {
	s.ready("farewell")
	hook, endHook := s.Beside("", "logs", "-f", "farewell", "-c", "main")
	stop, endStop := s.Beside("", "logs", "-f", "farewell", "-c", "handles-it")
	s.Check(stop.Until("trapping", 30*time.Second), "the program is ready to be stopped")
	s.Succeeds("delete", "pod", "farewell")
	endHook(10 * time.Second)
	endStop(10 * time.Second)
	s.Print(hook.String())
	s.Print(stop.String())
	s.Check(strings.Contains(hook.String(), "the-hook-was-here"), "the hook's request is in the log")
	s.Check(strings.Contains(stop.String(), "CtrlShutdown"), "the event is in the log")
}

func (s *session) showCrash() {
	s.Waits("CrashLoopBackOff 7 Error", "it is told with code and reason", "get", "pod", "crashes",
		"-o", "jsonpath={range .status.containerStatuses[0]}{.state.waiting.reason} {.lastState.terminated.exitCode} {.lastState.terminated.reason}{end}")
}

func (s *session) showMemory() {
	s.Waits("OOMKilled", "200 MB with a limit of 64 MB", "get", "pod", "hungry", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.reason}")
}

func (s *session) showJob() {
	_, code := s.Do("wait", "--for=condition=Complete", "job/work", "--timeout=150s")
	s.Check(code == 0, "the job is complete")
	s.Succeeds("get", "job", "work")
	out := s.Succeeds("logs", "-l", "job-name=work")
	s.Check(strings.Count(out, "worked") == 3, "three pods worked")
}

func (s *session) showResize() {
	s.ready("limited")
	s.Succeeds("patch", "pod", "limited", "--subresource", "resize",
		"-p", `{"spec":{"containers":[{"name":"main","resources":{"limits":{"memory":"256Mi"}}}]}}`)
	s.Waits("not supported on Windows", "Kubernetes 1.34 does not resize pods on a Windows node, and says so; the shim could (docs/kubernetes.md)",
		"get", "pod", "limited", "-o", `jsonpath={range .status.conditions[?(@.type=="PodResizePending")]}{.reason}: {.message}{end}`)
}

func (s *session) showClasses() {
	s.ready("of-the-peer")
	s.ready("of-the-sandbox-api")
	s.Succeeds("get", "pods", "-o", "custom-columns=NAME:.metadata.name,CLASS:.spec.runtimeClassName,PHASE:.status.phase,ADDRESS:.status.podIP")
	for _, class := range []string{"hcs", "runhcs"} {
		list, err := s.rig.Programs(shimExe(class))
		s.Check(err == nil && len(list) > 0, "%d processes %s run", len(list), shimExe(class))
	}
}

func (s *session) showEnd() {
	_, code := s.Do("delete", "namespace", showNamespace, "--timeout=150s")
	s.Check(code == 0, "the namespace is gone")
	s.nothingLeft()
}
