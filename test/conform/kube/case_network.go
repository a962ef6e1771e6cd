//go:build linux

package main

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"containerd-shim-hcs/test/conform/script"
)

var networkCases = []Case{
	script.Long("network/pod-to-pod", 90*time.Second, networkPods),
	script.Short("network/two-pods-one-port", 90*time.Second, networkPort),
	script.Long("network/localhost-is-the-pods-own", 90*time.Second, networkLocalhost),
	script.Long("network/address-is-kept-and-freed", 90*time.Second, networkAddress),
}

// networkPods: one pod reaches the other at its address, and is seen there with its own.
func networkPods(t *T) {
	a, b := t.ready(t.spec(t.netexec("web", 8080))), t.ready(t.spec(t.netexec("web", 8080)))
	a.serves("8080")
	b.serves("8080")
	for _, x := range []struct{ from, to *Pod }{{a, b}, {b, a}} {
		from, to := x.from.get().Status.PodIP, x.to.get().Status.PodIP
		q := url.Values{"host": {to}, "port": {"8080"}, "request": {"clientip"}, "protocol": {"http"}}
		page, err := x.from.fetch("8080", "/dial?"+q.Encode())
		t.Must(err, "let a pod ask the other: %s", page)
		var answer struct{ Responses, Errors []string }
		t.Must(json.Unmarshal([]byte(page), &answer), "answer %q", page)
		t.Want(len(answer.Responses) == 1 && strings.HasPrefix(answer.Responses[0], from+":"),
			"pod %s is seen by %s as %q, %q", from, to, answer.Responses, answer.Errors)
	}
}

// networkPort: each answers for itself.
func networkPort(t *T) {
	var pods []*Pod
	for range 3 {
		pods = append(pods, t.ready(t.spec(t.netexec("web", 8080))))
	}
	seen := map[string]bool{}
	for _, p := range pods {
		p.serves("8080")
		name, err := p.fetch("8080", "/hostname")
		t.Want(err == nil && strings.EqualFold(name, p.name), "pod %s answers as %q, %v", p.name, name, err)
		seen[p.get().Status.PodIP] = true
	}
	t.Want(len(seen) == len(pods), "%d pods have the addresses %v", len(pods), seen)
}

// networkLocalhost: a port that one pod serves on its localhost is free in another, and closed there.
func networkLocalhost(t *T) {
	a := t.ready(t.spec(t.app("main", "serve-tcp", "127.0.0.1:7000"), t.agnhost("ask", "pause")))
	b := t.ready(t.spec(t.agnhost("ask", "pause")))
	a.says("main", "listening")
	connect := []string{"agnhost.exe", "connect", "127.0.0.1:7000", "--timeout=5s"}
	r := a.exec("ask", nil, connect...)
	t.Want(r.err == nil && r.code == 0, "the pod does not reach its own localhost: %+v", r)
	r = b.exec("ask", nil, connect...)
	t.Want(r.err == nil && r.code != 0, "a pod reaches the localhost of another: %+v", r)
	c := t.ready(t.spec(t.app("main", "serve-tcp", "127.0.0.1:7000")))
	c.says("main", "listening")
}

// networkAddress: a pod keeps its address when its container is started again; the machine has one endpoint for it, and none afterwards.
func networkAddress(t *T) {
	before := len(t.holdings().Endpoints)
	p := t.ready(t.spec(t.app("main", "sleep", "3s", "--", "exit", "1")))
	pod := p.get()
	address, err := netip.ParseAddr(pod.Status.PodIP)
	t.Want(err == nil && address.IsLoopback(), "the pod's address is %q, %v", pod.Status.PodIP, err)
	t.Want(len(pod.Status.PodIPs) == 1, "the pod has the addresses %v", pod.Status.PodIPs)
	t.Want(len(t.holdings().Endpoints) == before+1, "the machine has %d endpoints more", len(t.holdings().Endpoints)-before)
	pod = p.restarted("main", 1)
	t.Want(pod.Status.PodIP == address.String(), "the address was %s and is %s", address, pod.Status.PodIP)
	p.delete(-1)
	ok := t.Until(20*time.Second, func() bool { return len(t.holdings().Endpoints) == before })
	t.Want(ok, "after the pod there are %d endpoints more", len(t.holdings().Endpoints)-before)
	q := t.ready(t.spec(t.host("main")))
	t.Want(q.get().Status.PodIP != address.String(), "the next pod has the same address: %s", address)
}
