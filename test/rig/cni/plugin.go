package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// versions of the specification, of the configuration and so of the result.
var versions = []string{"0.3.0", "0.3.1", "0.4.0", "1.0.0"}

// Codes of errors (CNI specification, "Error").
const (
	incompatibleVersion = 1
	badEnvironment      = 4
	undecodable         = 6
	badConfig           = 7
	hostRefused         = 100 // from here on they are the plugin's own
)

// failure is an error of the specification.
type failure struct {
	Version string `json:"cniVersion"`
	Code    int    `json:"code"`
	Msg     string `json:"msg"`
	Details string `json:"details,omitempty"`
}

// endpoint is one as the host has it.
type endpoint struct {
	mac       string
	addresses []string // with prefix length
	gateway   string
}

// network is what the host does. All three are about the endpoint of that name.
type network interface {
	// add makes an endpoint in the network of that name and puts it into the namespace. When it fails, nothing is left.
	add(network, name, namespace string) (endpoint, error)
	// remove removes it; that it is not there is no error.
	remove(name string) error
	// check fails unless it is in the namespace.
	check(name, namespace string) error
}

// result is that of ADD (CNI specification, "Success").
type result struct {
	Version    string  `json:"cniVersion"`
	Interfaces []iface `json:"interfaces"`
	IPs        []ip    `json:"ips"`
	Routes     []route `json:"routes,omitempty"`
	DNS        any     `json:"dns"`
}

type iface struct {
	Name    string `json:"name"`
	Mac     string `json:"mac,omitempty"`
	Sandbox string `json:"sandbox"`
}

type ip struct {
	Version   string `json:"version,omitempty"` // before 1.0.0
	Interface int    `json:"interface"`
	Address   string `json:"address"`
	Gateway   string `json:"gateway,omitempty"`
}

type route struct {
	Dst string `json:"dst"`
	GW  string `json:"gw,omitempty"`
}

// serve does what is asked for. Its answer is nil where the specification wants none.
func serve(env func(string) string, stdin io.Reader, n network) (any, *failure) {
	var config struct {
		Version string `json:"cniVersion"`
		Name    string `json:"name"`
	}
	b, err := io.ReadAll(stdin)
	if err == nil {
		err = json.Unmarshal(b, &config)
	}
	if err != nil {
		return nil, &failure{versions[len(versions)-1], undecodable, "configuration", err.Error()}
	}
	fail := func(code int, msg string, details error) (any, *failure) {
		f := &failure{Version: config.Version, Code: code, Msg: msg}
		if details != nil {
			f.Details = details.Error()
		}
		return nil, f
	}
	command := env("CNI_COMMAND")
	if command == "VERSION" {
		return map[string]any{"cniVersion": config.Version, "supportedVersions": versions}, nil
	}
	if !slices.Contains(versions, config.Version) {
		return fail(incompatibleVersion, fmt.Sprintf("cniVersion %q is none of %q", config.Version, versions), nil)
	}
	if config.Name == "" {
		return fail(badConfig, "the configuration has no name", nil)
	}
	container, ifname, namespace := env("CNI_CONTAINERID"), env("CNI_IFNAME"), env("CNI_NETNS")
	// DEL has to work without the namespace, which may be gone.
	for _, v := range []struct{ name, value string }{{"CNI_CONTAINERID", container}, {"CNI_IFNAME", ifname}, {"CNI_NETNS", namespace}} {
		if v.value == "" && (v.name != "CNI_NETNS" || command != "DEL") {
			return fail(badEnvironment, v.name+" is missing", nil)
		}
	}
	name := container + "_" + ifname
	switch command {
	case "ADD":
		e, err := n.add(config.Name, name, namespace)
		if err != nil {
			return fail(hostRefused, "add endpoint "+name, err)
		}
		return resultOf(config.Version, ifname, namespace, e), nil
	case "DEL":
		if err := n.remove(name); err != nil {
			return fail(hostRefused, "remove endpoint "+name, err)
		}
		return nil, nil
	case "CHECK":
		if err := n.check(name, namespace); err != nil {
			return fail(hostRefused, "check endpoint "+name, err)
		}
		return nil, nil
	}
	return fail(badEnvironment, fmt.Sprintf("CNI_COMMAND is %q", command), nil)
}

func resultOf(version, ifname, namespace string, e endpoint) result {
	r := result{Version: version, Interfaces: []iface{{ifname, e.mac, namespace}}, IPs: []ip{}, DNS: struct{}{}}
	for _, a := range e.addresses {
		i := ip{Address: a, Gateway: e.gateway}
		if version != "1.0.0" {
			i.Version = "4"
		}
		r.IPs = append(r.IPs, i)
	}
	if e.gateway != "" {
		r.Routes = []route{{"0.0.0.0/0", e.gateway}}
	}
	return r
}
