package main

import (
	"fmt"
	"os"

	"github.com/Microsoft/go-winio/pkg/bindfilter"
	"golang.org/x/sys/windows"
)

const guidText = "d2348bfa-8458-48a8-bb99-0a7000c73db3"

func guidArg() uintptr {
	g, err := windows.GUIDFromString("{" + guidText + "}")
	if err != nil {
		panic(err)
	}
	return pin(&g)
}

// hcnOpen opens or creates an object.
func hcnOpen(c *check, name string, args ...uintptr) uintptr {
	h := newOutHandle()
	var e out
	equal(c, call(network, name, append(args, h.arg(), e.arg())...), 0, name)
	if e.p != nil {
		c.fatalf("%s: error record %q", name, e.take())
	}
	return h.h
}

func hcnKinds(c *check) {
	settings := text(`{"a":1}`)
	net := hcnOpen(c, "HcnCreateNetwork", guidArg(), settings)
	for _, kind := range []string{"Network", "Endpoint", "Namespace", "LoadBalancer", "SdnRoute"} {
		var o, e out
		c.fake.always("HcnEnumerate"+kind+"s", ok(`["`+guidText+`"]`))
		equal(c, call(network, "HcnEnumerate"+kind+"s", text("{}"), o.arg(), e.arg()), 0, "enumerate "+kind)
		equal(c, o.take(), `["`+guidText+`"]`, "ids")
		args := []uintptr{guidArg(), settings}
		want := fmt.Sprintf(`%s {"a":1}`, guidText)
		if kind == "Endpoint" {
			args = append([]uintptr{net}, args...)
			want = fmt.Sprintf("%d %s", net, want)
		}
		made := hcnOpen(c, "HcnCreate"+kind, args...)
		equal(c, c.fake.last(c, "HcnCreate"+kind), fmt.Sprintf("HcnCreate%s %d %s", kind, made, want), "request")
		opened := hcnOpen(c, "HcnOpen"+kind, guidArg())
		equal(c, c.fake.last(c, "HcnOpen"+kind), fmt.Sprintf("HcnOpen%s %d %s", kind, opened, guidText), "request")
		equal(c, call(network, "HcnModify"+kind, opened, settings, e.arg()), 0, "modify "+kind)
		c.fake.always("HcnQuery"+kind+"Properties", ok(`{"ID":"x"}`))
		equal(c, call(network, "HcnQuery"+kind+"Properties", opened, text("{}"), o.arg(), e.arg()), 0, "query "+kind)
		equal(c, o.take(), `{"ID":"x"}`, "properties")
		equal(c, call(network, "HcnClose"+kind, made), 0, "close "+kind)
		equal(c, call(network, "HcnClose"+kind, opened), 0, "close "+kind)
		equal(c, call(network, "HcnDelete"+kind, guidArg(), e.arg()), 0, "delete "+kind)
		equal(c, c.fake.last(c, "HcnDelete"+kind), "HcnDelete"+kind+" "+guidText, "request")
		if e.p != nil {
			c.fatalf("%s: error record %q", kind, e.take())
		}
	}
	equal(c, call(network, "HcnCloseNetwork", net), 0, "close")
}

func hcnErrorRecord(c *check) {
	var e out
	h := newOutHandle()
	c.fake.always("HcnOpenNamespace", refuse(elementNotFound, `{"Error":-2147023728}`))
	equal(c, call(network, "HcnOpenNamespace", guidArg(), h.arg(), e.arg()), elementNotFound, "open")
	equal(c, h.h, 0, "handle")
	equal(c, e.take(), `{"Error":-2147023728}`, "record of the service")
	c.fake.always("HcnDeleteNamespace", refuse(elementNotFound, ""))
	equal(c, call(network, "HcnDeleteNamespace", guidArg(), e.arg()), elementNotFound, "delete")
	equal(c, e.take(), `{"Success":false,"Error":"HRESULT 0x80070490","ErrorCode":2147943568}`, "record of our own")
	equal(c, call(network, "HcnDeleteNamespace", guidArg(), 0), elementNotFound, "delete without a record")
}

func hcnHandles(c *check) {
	var e out
	h := newOutHandle()
	ns := hcnOpen(c, "HcnCreateNamespace", guidArg(), text("{}"))
	equal(c, call(network, "HcnModifyEndpoint", ns, text("{}"), e.arg()), invalidHandle, "a namespace as an endpoint")
	if e.take() == "" {
		c.fatalf("no error record")
	}
	equal(c, call(network, "HcnCreateEndpoint", ns, guidArg(), text("{}"), h.arg(), e.arg()), invalidHandle, "a namespace as the network")
	e.take()
	equal(c, call(network, "HcnCloseNamespace", ns), 0, "close")
	equal(c, call(network, "HcnCloseNamespace", ns), invalidHandle, "second close")
	equal(c, c.fake.count("HcnCloseNamespace"), 1, "closes")
}

func bindMappings(c *check) {
	c.fake.always("BfRemoveMapping", refuse(elementNotFound, ""))
	if err := bindfilter.RemoveFileBinding(`C:\x`); !errorIs(err, windows.ERROR_NOT_FOUND) {
		c.fatalf("remove of no mapping: %v", err)
	}
	c.fake.always("BfRemoveMapping", ok())
	c.must(bindfilter.RemoveFileBinding(`C:\x`), "remove")
	c.must(bindfilter.ApplyFileBinding(`C:\hcssim\root`, `C:\hcssim`, true), "apply")
	equal(c, c.fake.last(c, "BfSetupFilter"), `BfSetupFilter 65 C:\hcssim\root C:\hcssim`, "request")
	c.fake.always("BfGetMappings", ok(`C:\windows`, `C:\hcssim`, "65", `C:\users`, `C:\windows\system32`, "64"))
	got, err := bindfilter.GetBindMappings(`C:\`)
	c.must(err, "get mappings")
	equal(c, fmt.Sprint(got), fmt.Sprint([]bindfilter.BindMapping{
		{MountPoint: `C:\windows`, Flags: 65, Targets: []string{`C:\hcssim`}},
		{MountPoint: `C:\users`, Flags: 64, Targets: []string{`C:\windows\system32`}},
	}), "mappings")
	bindShown(c)
	bf := windows.NewLazySystemDLL("bindfltapi.dll")
	equal(c, call(bf, "BfSetupFilter", 4, 0, text("a"), text("b"), 0, 0), 0x80070032, "a silo's mapping")
}

// bindShown: the process that maps a directory sees the target there, until it removes the mapping.
func bindShown(c *check) {
	const root, target = `C:\hcssim\selftest\bind\root`, `C:\hcssim\selftest\bind\target`
	c.must(os.MkdirAll(root, 0o755), "make")
	c.must(os.MkdirAll(target+`\dir`, 0o755), "make")
	c.must(os.WriteFile(target+`\dir\file`, []byte("there"), 0o644), "write")
	c.must(bindfilter.ApplyFileBinding(root, target, false), "apply")
	got, err := os.ReadFile(root + `\dir\file`)
	c.must(err, "read in the mapping")
	equal(c, string(got), "there", "read in the mapping")
	c.must(os.WriteFile(root+`\new`, []byte("put"), 0o644), "write into the mapping")
	c.must(os.WriteFile(root+"-beside", nil, 0o644), "write beside it")
	got, err = os.ReadFile(target + `\new`)
	c.must(err, "read at the target")
	equal(c, string(got), "put", "read at the target")
	_, err = os.Stat(target + "-beside")
	equal(c, os.IsNotExist(err), true, "what begins with the root's name is in the target")
	c.must(bindfilter.RemoveFileBinding(root), "remove")
	_, err = os.Stat(root + `\new`)
	equal(c, os.IsNotExist(err), true, "the target is shown after the mapping's end")
}
