package main

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var networkCases = []Case{
	{Name: "network/pod-has-an-address-and-a-namespace", Run: networkAddress},
	{Name: "network/pods-have-their-own", Run: networkOwn},
	{Name: "network/pods-share-no-port", Run: networkPorts},
	{Name: "network/containers-of-a-pod-share-it", Run: networkShared},
	{Name: "network/given-back-at-the-stop", Run: networkStop},
	{Name: "network/teardown-when-the-endpoint-is-gone", Run: networkGone},
	{Name: "network/port-forward", Run: networkForward},
	{Name: "network/port-forward-to-nobody-is-told", Run: networkForwardNobody},
	{Name: "network/host-network-or-a-reason", Run: networkHost},
}

// address is the pod's.
func (p *Pod) address() string {
	ip := p.status().GetNetwork().GetIp()
	_, err := netip.ParseAddr(ip)
	p.t.Must(err, "address of pod %s", p.id)
	return ip
}

// namespace is the HCN namespace that the machine has a container in.
func (c *Container) namespace() string {
	n := c.t.holdings().Containers[c.id].Networking
	c.t.Want(n != nil && n.Namespace != "", "the machine has container %s in no namespace: %+v", c.id, n)
	return strings.ToUpper(n.Namespace)
}

// networkAddress: all containers of the pod are in the namespace that has the pod's endpoint.
func networkAddress(t *T) {
	before := t.holdings()
	p := t.pod()
	address := p.address()
	t.Want(netip.MustParsePrefix("127.64.0.0/10").Contains(netip.MustParseAddr(address)), "address %s is not of the pods' network", address)
	a, b := p.host(), p.host()
	now := t.holdings()
	t.Want(len(now.Namespaces) == len(before.Namespaces)+1 && len(now.Endpoints) == len(before.Endpoints)+1, "%d more namespaces and %d more endpoints, want 1 of each",
		len(now.Namespaces)-len(before.Namespaces), len(now.Endpoints)-len(before.Endpoints))
	ns := a.namespace()
	t.Want(b.namespace() == ns, "the containers are in namespaces %s and %s", ns, b.namespace())
	t.Want(len(now.Attached[ns]) == 1, "namespace %s has the endpoints %v", ns, now.Attached[ns])
}

func networkOwn(t *T) {
	p, q := t.pod(), t.pod()
	a, b := p.host(), q.host()
	t.Want(p.address() != q.address(), "both pods have the address %s", p.address())
	t.Want(a.namespace() != b.namespace(), "both pods are in namespace %s", a.namespace())
}

// networkPorts: two pods listen on the same port, of any address or of localhost, and each answers for itself; who asks is known.
func networkPorts(t *T) {
	p, q := t.pod(), t.pod()
	for port, host := range map[string]string{"18090": "", "18091": "0.0.0.0", "18092": "localhost", "18093": "127.0.0.1"} {
		for name, pod := range map[string]*Pod{"first": p, "second": q} {
			pod.run("serve-http", host+":"+port, name).says("listening\n")
		}
	}
	a, b := p.host(), q.host()
	answers := func(c *Container, at, name, path, from string) {
		c.execs("get", at+path).gives(name+"\nGET "+path+" from "+from+"\n", "", 0)
	}
	for _, port := range []string{":18090", ":18091", ":18092", ":18093"} {
		answers(a, "localhost"+port, "first", "/own", p.address())
		answers(b, "127.0.0.1"+port, "second", "/own", q.address())
	}
	for _, port := range []string{":18090", ":18091"} {
		answers(a, p.address()+port, "first", "/itself", p.address())
		answers(a, q.address()+port, "second", "/other", p.address())
		answers(b, p.address()+port, "first", "/other", q.address())
		for address, name := range map[string]string{p.address(): "first", q.address(): "second"} {
			r, err := (&http.Client{Timeout: 10 * time.Second}).Get("http://" + address + port + "/probe")
			t.Must(err, "ask the pod at %s as a kubelet does", address)
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			t.Must(err, "read")
			t.Want(r.StatusCode == http.StatusOK && strings.HasPrefix(string(body), name+"\nGET /probe from 127.0.0.1\n"), "%s answers %d %q", address, r.StatusCode, body)
		}
	}
}

// networkShared: localhost is the pod's: what one container listens on, another reaches, and cannot listen on too.
func networkShared(t *T) {
	p := t.pod()
	p.run("serve-http", "localhost:18095", "here").says("listening\n")
	second := p.run("serve-http", ":18095", "there")
	second.ends(1)
	p.host().execs("get", "localhost:18095/").gives("here\nGET / from "+p.address()+"\n", "", 0)
}

// networkStop: a stopped pod that is not yet removed holds neither namespace nor endpoint; its address can be given to another.
func networkStop(t *T) {
	before := t.holdings()
	p := t.pod()
	p.host()
	p.stop()
	now := t.holdings()
	t.Want(len(now.Namespaces) == len(before.Namespaces) && len(now.Endpoints) == len(before.Endpoints) && len(now.Systems) == len(before.Systems),
		"a stopped pod holds: %s", now.Minus(before))
	p.is(podNotReady)
}

// networkGone: the endpoint may have been removed by others, as happens when a node's network is set up anew.
func networkGone(t *T) {
	before := t.holdings()
	p := t.pod()
	c := p.host()
	for _, e := range t.holdings().Endpoints {
		if !slices.Contains(before.Endpoints, e) {
			_, err := t.machine.Ask("HcnDeleteEndpoint", e)
			t.Must(err, "delete endpoint %s", e)
		}
	}
	c.execs("print", "still here").gives("still here\n", "", 0)
	p.stop()
	p.remove()
	left := t.machine.Settle(before, 5*time.Second)
	t.Want(left == "", "%s", left)
}

// forward opens one connection to a port of the pod: a stream for the data and one for what goes wrong.
func (p *Pod) forward(port string) (data io.ReadWriteCloser, trouble io.Reader) {
	t := p.t
	a, err := t.cri.PortForward(t.Ctx, &runtime.PortForwardRequest{PodSandboxId: p.id})
	t.Must(err, "port-forward")
	conn := t.dialStream(a.Url, "portforward.k8s.io")
	open := func(kind string) io.ReadWriteCloser {
		s, err := conn.CreateStream(http.Header{"Streamtype": {kind}, "Port": {port}, "Requestid": {"0"}})
		t.Must(err, "stream %s", kind)
		return s
	}
	e := open("error")
	t.Must(e.Close(), "close the writing side of the error stream")
	return open("data"), e
}

// networkForward: what is sent to a port of the pod arrives, and the answer comes back.
//
// containerd 1.7 runs a wincat.exe in the pod's own container for it, which Microsoft's pause image has and the rig's has not; a pod without
// such a container cannot be forwarded to either. Then the reason must be told.
func networkForward(t *T) {
	p := t.pod()
	c := p.run("serve-tcp", p.address()+":18080")
	c.says("listening\n")
	if t.old() {
		_, trouble := p.forward("18080")
		why, err := io.ReadAll(trouble)
		t.Want(err == nil && len(why) > 0, "no reason is told (%v)", err)
		p.works()
		return
	}
	for i := range 3 {
		data, _ := p.forward("18080")
		line := fmt.Sprintf("line %d\n", i)
		_, err := io.WriteString(data, line)
		t.Must(err, "write")
		got := make([]byte, len(line))
		_, err = io.ReadFull(data, got)
		t.Must(err, "read what comes back")
		t.Want(string(got) == line, "came back %q, want %q", got, line)
		t.Must(data.Close(), "close")
	}
}

func networkForwardNobody(t *T) {
	p := t.pod()
	p.works()
	_, trouble := p.forward("18081")
	told := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(trouble)
		told <- string(b)
	}()
	select {
	case text := <-told:
		t.Want(strings.Contains(text, "18081"), "the error stream says %q, want the port in it", text)
	case <-time.After(20 * time.Second):
		t.Fail("nothing on the error stream")
	}
}

// networkHost: pods in the host's network are those of HostProcess containers. They work, or the error says that they, or what they need,
// are not supported (on the rig, mappings of one job object's view of the disk); then nothing is left.
func networkHost(t *T) {
	before := t.holdings()
	host := &runtime.WindowsSandboxSecurityContext{HostProcess: true, NamespaceOptions: &runtime.WindowsNamespaceOption{Network: runtime.NamespaceMode_NODE}}
	config := t.podConfig(func(c *runtime.PodSandboxConfig) { c.Windows.SecurityContext = host })
	p, err := t.tryPod(config)
	if err == nil {
		t.Want(len(t.holdings().Namespaces) == len(before.Namespaces), "a pod in the host's network has a namespace")
		var c *Container
		c, err = p.tryContainer(p.containerConfig(app("print", "works", "--", "exit", "3"), func(c *runtime.ContainerConfig) {
			c.Command = []string{`app\winapp.exe`} // the image is not the container's drive C: here
			c.Windows.SecurityContext = &runtime.WindowsContainerSecurityContext{HostProcess: true, RunAsUsername: `NT AUTHORITY\SYSTEM`}
		}))
		if err == nil {
			err = c.tryStart()
		}
		if err == nil {
			c.ends(3)
			c.logs("works\n", "")
			return
		}
	}
	text := strings.ToLower(strings.ReplaceAll(err.Error(), " ", ""))
	reasons := []string{"hostprocess", "notsupported", "notimplemented"}
	t.Want(slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(text, r) }), "refused without a reason: %v", err)
	t.pod().works()
}
