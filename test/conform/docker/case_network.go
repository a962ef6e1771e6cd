//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"containerd-shim-hcs/test/conform/script"
)

var networkCases = []Case{
	script.Short("network/none", 0, networkNone),
	script.Short("network/nat-and-a-published-port", 0, networkPublished),
	script.Long("network/port-that-is-taken", 0, networkPortTaken),
	script.Long("network/containers-reach-each-other", 0, networkNeighbours),
	script.Long("network/names-of-containers", 0, networkNames),
	script.Long("network/statistics", 0, networkStatistics),
	script.Short("network/of-ones-own", 0, networkOwn),
	script.Long("network/connected-before-the-start", 0, networkConnected),
	script.Short("network/connect-of-a-running-container-is-refused", 0, networkHot),
	script.Long("network/shared-with-a-container", 0, networkShared),
}

// serving answers HTTP requests on a port of the container, in the network "nat".
func serving(port string) func(*spec) {
	return func(s *spec) {
		s.Cmd = []string{"winapp.exe", "serve-http", ":" + port, "served by", "docker"}
		s.NetworkMode = "nat"
	}
}

// published gives a port of the host to one of the container; 0 is any.
func published(inside string, outside int) func(*spec) {
	return func(s *spec) {
		p := network.MustParsePort(inside)
		s.ExposedPorts = network.PortSet{p: struct{}{}}
		s.PortBindings = network.PortMap{p: {{HostPort: fmt.Sprint(outside)}}}
	}
}

// address is the container's in a network.
func (b *Box) address(name string) netip.Addr {
	n := b.inspect().NetworkSettings.Networks[name]
	b.t.Want(n != nil && n.IPAddress.IsValid(), "it has no address in %s: %+v", name, n)
	return n.IPAddress
}

// port is where a port of the container is published.
func (b *Box) port(inside string) string {
	list := b.inspect().NetworkSettings.Ports[network.MustParsePort(inside)]
	b.t.Want(len(list) == 1 && list[0].HostPort != "" && list[0].HostPort != "0", "%s is published at %+v", inside, list)
	return list[0].HostPort
}

// get asks a server on this machine, in patience: it may just begin to listen.
func (t *T) get(address string) string {
	var text string
	var err error
	ok := t.Until(textBound, func() bool {
		ctx, cancel := context.WithTimeout(t.Ctx, 5*time.Second)
		defer cancel()
		var r *http.Request
		if r, err = http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/x", nil); err != nil {
			return false
		}
		var resp *http.Response
		if resp, err = http.DefaultClient.Do(r); err != nil {
			return false
		}
		defer resp.Body.Close()
		b, rerr := io.ReadAll(resp.Body)
		text, err = string(b), rerr
		return err == nil
	})
	t.Want(ok, "GET %s: %v", address, err)
	return text
}

func networkNone(t *T) {
	b := t.idle()
	n := b.inspect().NetworkSettings
	t.Want(len(n.Ports) == 0 && !n.Networks["none"].IPAddress.IsValid(), "it has the network %+v", n.Networks["none"])
	t.Want(len(t.holdings().Endpoints) == len(t.before.Endpoints), "endpoints %v", t.holdings().Endpoints)
}

func networkPublished(t *T) {
	b := t.run(serving("8080"), published("8080/tcp", 0))
	for _, at := range []string{"127.0.0.1:" + b.port("8080/tcp"), netip.AddrPortFrom(b.address("nat"), 8080).String()} {
		text := t.get(at)
		t.Want(strings.HasPrefix(text, "served by docker\n"), "%s answers %q", at, text)
	}
	port := b.port("8080/tcp")
	b.kill("KILL")
	b.ended()
	ok := t.Until(textBound, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	t.Want(ok, "port %s is open after the end", port)
	b.start() // it has an address and a port again
	text := t.get("127.0.0.1:" + b.port("8080/tcp"))
	t.Want(strings.HasPrefix(text, "served by docker\n"), "after a second start it answers %q", text)
}

func networkPortTaken(t *T) {
	first := t.run(serving("8080"), published("8080/tcp", 0))
	var port int
	_, err := fmt.Sscan(first.port("8080/tcp"), &port)
	t.Must(err, "port")
	second := t.create(serving("8080"), published("8080/tcp", port))
	_, err = t.engine.ContainerStart(t.Ctx, second.id, client.ContainerStartOptions{})
	t.Want(err != nil && strings.Contains(err.Error(), "already exists"), "start: %v, want that the port is taken", err)
	t.Must(first.removed(t.Ctx), "remove the first")
	second.start()
	t.get(fmt.Sprintf("127.0.0.1:%d", port))
}

func networkNeighbours(t *T) {
	server := t.run(serving("8080"))
	server.says("listening")
	at := netip.AddrPortFrom(server.address("nat"), 8080).String()
	b := t.run(with("get", at+"/from-next-door"), func(s *spec) { s.NetworkMode = "nat" })
	b.endsWith(0)
	out, _ := b.streams()
	want := "served by docker\nGET /from-next-door from 127."
	t.Want(strings.HasPrefix(out, want), "it says %q, want %q", out, want)
}

// networkNames: the engine's own server of names, at the gateway, knows a container by its name. (What runs in a container of the rig asks this
// machine for names, not its endpoint; and this asks by TCP: the answer to a datagram comes from another address of loopback than it went to.)
func networkNames(t *T) {
	b := t.run(serving("8080"))
	gateway := b.inspect().NetworkSettings.Networks["nat"].Gateway
	t.Want(gateway.IsValid(), "the network has no gateway")
	names := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(gateway, 53).String())
	}}
	var found []netip.Addr
	var err error
	ok := t.Until(textBound, func() bool {
		ctx, cancel := context.WithTimeout(t.Ctx, 5*time.Second)
		defer cancel()
		found, err = names.LookupNetIP(ctx, "ip4", b.name+".")
		return err == nil
	})
	t.Want(ok && len(found) == 1 && found[0] == b.address("nat"), "%s is %v, %v; want %s", b.name, found, err, b.address("nat"))
}

func networkStatistics(t *T) {
	b := t.run(serving("8080"), published("8080/tcp", 0))
	t.get("127.0.0.1:" + b.port("8080/tcp"))
	var nets map[string]container.NetworkStats
	ok := t.Until(textBound, func() bool {
		nets = b.sample().Networks
		for _, n := range nets {
			if n.RxBytes > 0 && n.TxBytes > 0 {
				return true
			}
		}
		return false
	})
	t.Want(ok, "the statistics tell of %+v", nets)
}

// network makes one that is removed at the end.
func (t *T) network(o client.NetworkCreateOptions) string {
	name := t.ID()
	_, err := t.engine.NetworkCreate(t.Ctx, name, o)
	t.Must(err, "create network")
	t.Later(func(ctx context.Context) error {
		_, err := t.engine.NetworkRemove(ctx, name, client.NetworkRemoveOptions{})
		return err
	})
	return name
}

func networkOwn(t *T) {
	name := t.network(client.NetworkCreateOptions{Driver: "nat"})
	r, err := t.engine.NetworkInspect(t.Ctx, name, client.NetworkInspectOptions{})
	t.Must(err, "inspect")
	t.Want(len(r.Network.IPAM.Config) == 1 && r.Network.IPAM.Config[0].Subnet.IsValid(), "its addresses are of %+v", r.Network.IPAM.Config)
	subnet := r.Network.IPAM.Config[0].Subnet
	b := t.run(serving("8080"), published("8080/tcp", 0), func(s *spec) { s.NetworkMode = container.NetworkMode(name) })
	t.Want(subnet.Contains(b.address(name)), "its address %s is not of %s", b.address(name), subnet)
	t.get("127.0.0.1:" + b.port("8080/tcp"))
	_, err = t.engine.NetworkRemove(t.Ctx, name, client.NetworkRemoveOptions{})
	t.Want(err != nil, "a network that is used was removed")
}

func networkConnected(t *T) {
	name := t.network(client.NetworkCreateOptions{Driver: "nat"})
	b := t.create(serving("8080"))
	_, err := t.engine.NetworkConnect(t.Ctx, name, client.NetworkConnectOptions{Container: b.id})
	t.Must(err, "connect")
	b.start()
	b.says("listening")
	for _, n := range []string{"nat", name} {
		b.address(n)
	}
	t.Must(b.removed(t.Ctx), "remove")
}

// networkHot: the engine asks HCS to change the container in the older schema, which HCS takes of no container of the newer one (moby#51589). No
// shim is asked; nothing of the attempt stays.
func networkHot(t *T) {
	name := t.network(client.NetworkCreateOptions{Driver: "nat"})
	b := t.run(serving("8080"), published("8080/tcp", 0))
	t.get("127.0.0.1:" + b.port("8080/tcp"))
	_, err := t.engine.NetworkConnect(t.Ctx, name, client.NetworkConnectOptions{Container: b.id})
	t.Want(err != nil && strings.Contains(err.Error(), "unsupported platform request"), "connect: %v", err)
	t.get("127.0.0.1:" + b.port("8080/tcp"))
	t.Must(b.removed(t.Ctx), "remove")
}

// networkShared: two containers have one network, and the second goes on when the first, whose it was, has ended.
func networkShared(t *T) {
	server := t.run(serving("8080"))
	server.says("listening")
	share := func(s *spec) { s.NetworkMode = container.NetworkMode("container:" + server.id) }
	stays := t.run(with("trap", "exit", "3"), share)
	b := t.run(with("get", "localhost:8080/from-inside"), share)
	b.endsWith(0)
	out, _ := b.streams()
	want := "served by docker\nGET /from-inside from " + server.address("nat").String()
	t.Want(strings.HasPrefix(out, want), "it says %q, want %q", out, want)
	stays.says("trapping")
	server.kill("KILL")
	server.ended()
	stays.kill("TERM")
	stays.endsWith(3)
}
