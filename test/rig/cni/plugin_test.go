package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// fake is a host with one network.
type fake struct {
	endpoints map[string]string // name → namespace
	err       error
}

func (f *fake) add(network, name, namespace string) (endpoint, error) {
	if network != "nat" {
		return endpoint{}, errors.New("no network " + network)
	}
	f.endpoints[name] = namespace
	return endpoint{mac: "00-15-5D-00-00-01", addresses: []string{"127.64.0.2/16"}, gateway: "127.64.0.1"}, f.err
}

func (f *fake) remove(name string) error {
	delete(f.endpoints, name)
	return f.err
}

func (f *fake) check(name, namespace string) error {
	if f.endpoints[name] != namespace {
		return errors.New("not there")
	}
	return nil
}

func TestPlugin(t *testing.T) {
	const conf = `{"cniVersion":"1.0.0","name":"nat","type":"cni"}`
	f := &fake{endpoints: map[string]string{}}
	env := func(changes ...string) map[string]string {
		m := map[string]string{"CNI_CONTAINERID": "pod", "CNI_IFNAME": "eth0", "CNI_NETNS": "ns"}
		for _, c := range changes {
			k, v, _ := strings.Cut(c, "=")
			m["CNI_"+k] = v
		}
		return m
	}
	for _, x := range []struct {
		env         map[string]string
		stdin, want string
		code        int // of the error
	}{
		{env: env("COMMAND=VERSION"), stdin: `{"cniVersion":"1.1.0"}`, want: `"supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0"]`},
		{env: env("COMMAND=CHECK"), stdin: conf, code: 100, want: `"not there"`},
		{env: env("COMMAND=ADD"), stdin: conf, want: `{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","mac":"00-15-5D-00-00-01","sandbox":"ns"}],` +
			`"ips":[{"interface":0,"address":"127.64.0.2/16","gateway":"127.64.0.1"}],"routes":[{"dst":"0.0.0.0/0","gw":"127.64.0.1"}],"dns":{}}`},
		{env: env("COMMAND=ADD"), stdin: strings.Replace(conf, "1.0", "0.4", 1), want: `"ips":[{"version":"4","interface":0,`},
		{env: env("COMMAND=CHECK"), stdin: conf},
		{env: env("COMMAND=DEL", "NETNS="), stdin: conf},
		{env: env("COMMAND=DEL"), stdin: conf},
		{env: env("COMMAND=CHECK"), stdin: conf, code: 100},
		{env: env("COMMAND=ADD"), stdin: strings.Replace(conf, "1.0", "2.0", 1), code: 1, want: "2.0.0"},
		{env: env("COMMAND=ADD"), stdin: `{"cniVersion":"1.0.0"}`, code: 7},
		{env: env("COMMAND=ADD"), stdin: `}`, code: 6},
		{env: env("COMMAND=ADD"), stdin: strings.Replace(conf, "nat", "moon", 1), code: 100, want: `"details":"no network moon"`},
		{env: env("COMMAND=ADD", "NETNS="), stdin: conf, code: 4, want: "CNI_NETNS"},
		{env: env("COMMAND=DEL", "CONTAINERID="), stdin: conf, code: 4, want: "CNI_CONTAINERID"},
		{env: env("COMMAND=DEL", "IFNAME="), stdin: conf, code: 4, want: "CNI_IFNAME"},
		{env: env("COMMAND=JUMP"), stdin: conf, code: 4, want: "JUMP"},
	} {
		var out bytes.Buffer
		exit := run(func(name string) string { return x.env[name] }, strings.NewReader(x.stdin), &out, f)
		var e struct{ Code int }
		if out.Len() > 0 {
			if err := json.Unmarshal(out.Bytes(), &e); err != nil {
				t.Errorf("%v: %s is no JSON", x.env, out.String())
			}
		}
		if e.Code != x.code || (exit != 0) != (x.code != 0) || !strings.Contains(out.String(), x.want) || (x.want == "" && x.code == 0 && out.Len() > 0) {
			t.Errorf("%v %s: exit code %d, %s; want error %d, %s", x.env, x.stdin, exit, out.String(), x.code, x.want)
		}
	}
	if len(f.endpoints) > 0 {
		t.Errorf("endpoints %v are left", f.endpoints)
	}
	f.err = errors.New("HCN is tired")
	for _, command := range []string{"ADD", "DEL"} {
		var out bytes.Buffer
		e := env("COMMAND=" + command)
		if run(func(name string) string { return e[name] }, strings.NewReader(conf), &out, f) != 1 || !strings.Contains(out.String(), f.err.Error()) {
			t.Errorf("%s: %s", command, out.String())
		}
	}
}
