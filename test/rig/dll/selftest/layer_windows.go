package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/windows"
)

type driverInfo struct {
	flavour int32
	home    *uint16
}

func driver(home string) uintptr {
	return pin(&driverInfo{1, utf16(home)})
}

type layerDescriptor struct {
	id    windows.GUID
	flags uint32
	path  *uint16
}

func parents(paths ...string) (uintptr, uintptr) {
	list := new([4]layerDescriptor)
	for i, p := range paths {
		list[i].path = utf16(p)
	}
	return pin(list), uintptr(len(paths))
}

func layerArguments(c *check) {
	none, n0 := parents()
	two, n2 := parents(`C:\l\2`, `C:\l "q"\é`)
	list := `["C:\\l\\2","C:\\l \"q\"\\é"]`
	d, old := driver(""), driver(`C:\home`)
	id := text(`C:\l\3`)
	for _, t := range []struct {
		name string
		want string
		args []uintptr
	}{
		{"CreateLayer", `C:\l\3 C:\l\2`, []uintptr{d, id, text(`C:\l\2`)}},
		{"CreateSandboxLayer", `C:\l\3 ` + list, []uintptr{d, id, 0, two, n2}},
		{"ActivateLayer", `C:\home\3`, []uintptr{old, text("3")}},
		{"ActivateLayer", `C:\home\3`, []uintptr{driver(`C:\home\`), text("3")}},
		{"DeactivateLayer", `C:\l\3`, []uintptr{d, id}},
		{"PrepareLayer", `C:\l\3 ` + list, []uintptr{d, id, two, n2}},
		{"PrepareLayer", `C:\l\3 []`, []uintptr{d, id, none, n0}},
		{"UnprepareLayer", `C:\l\3`, []uintptr{d, id}},
		{"ExpandSandboxSize", `C:\l\3 21474836480`, []uintptr{d, id, 20 << 30}},
		{"DestroyLayer", `C:\l\3`, []uintptr{d, id}},
		{"ImportLayer", `C:\l\3 C:\t ` + list, []uintptr{d, id, text(`C:\t`), two, n2}},
		{"ExportLayer", `C:\l\3 C:\t []`, []uintptr{d, id, text(`C:\t`), 0, 0}},
		{"CopyLayer", `C:\l\3 C:\t ` + list, []uintptr{d, id, text(`C:\t`), two, n2}},
		{"ProcessBaseImage", `\\?\C:\l\1`, []uintptr{text(`\\?\C:\l\1`)}},
		{"ProcessUtilityImage", `C:\l\1\UtilityVM`, []uintptr{text(`C:\l\1\UtilityVM`)}},
		{"GrantVmAccess", `vm C:\x.vhdx`, []uintptr{text("vm"), text(`C:\x.vhdx`)}},
	} {
		equal(c, call(v1, t.name, t.args...), 0, t.name)
		equal(c, c.fake.last(c, t.name), t.name+" "+t.want, "request")
		c.fake.always(t.name, refuse(0x80370112, ""))
		equal(c, call(v1, t.name, t.args...), 0xC0370112, t.name+" in the service's other family")
		c.fake.always(t.name, ok())
	}
	equal(c, call(v1, "CreateSandboxLayer", d, id, 1, two, n2), notImplemented, "a single parent")
}

func layerMountPath(c *check) {
	volume := `\\?\Volume{0a1b2c3d-1111-2222-3333-444455556666}`
	c.fake.always("GetLayerMountPath", ok(volume))
	d, id := driver(""), text(`C:\l\3`)
	length, buf := new(uintptr), new([100]uint16)
	mountPath := func(buffer uintptr) uint32 { return call(v1, "GetLayerMountPath", d, id, pin(length), buffer) }
	equal(c, mountPath(0), 0, "first call")
	equal(c, *length, uintptr(len(volume)+1), "length")
	*length--
	equal(c, mountPath(pin(buf)), 0x8007007A, "short buffer")
	equal(c, mountPath(pin(buf)), 0, "second call")
	equal(c, windows.UTF16ToString(buf[:]), volume, "path")
}

func layerResults(c *check) {
	guid := new(windows.GUID)
	c.fake.always("NameToGuid", ok("cd22d128-903e-550a-9d8f-aa8134ca1c9b"))
	equal(c, call(v1, "NameToGuid", text("x"), pin(guid)), 0, "NameToGuid")
	equal(c, strings.ToLower(guid.String()), "{cd22d128-903e-550a-9d8f-aa8134ca1c9b}", "guid")
	c.fake.always("NameToGuid", ok("nonsense"))
	equal(c, call(v1, "NameToGuid", text("x"), pin(guid)), 0x8000FFFF, "an answer that is no guid")
	exists := new(uint32)
	c.fake.always("LayerExists", ok("1"))
	equal(c, call(v1, "LayerExists", driver(""), text("x"), pin(exists)), 0, "LayerExists")
	equal(c, *exists, 1, "exists")
	var o out
	c.fake.always("GetBaseImages", ok(`{"Images":[]}`))
	equal(c, call(v1, "GetBaseImages", o.arg()), 0, "GetBaseImages")
	equal(c, o.take(), `{"Images":[]}`, "images")
	c.fake.always("HNSCall", ok(`{"Success":true}`))
	equal(c, call(v1, "HNSCall", text("DELETE"), text("/namespaces/x"), text(""), o.arg()), 0, "HNSCall")
	equal(c, o.take(), `{"Success":true}`, "answer")
	equal(c, c.fake.last(c, "HNSCall"), "HNSCall DELETE /namespaces/x ", "request")
}

func storageForwarded(c *check) {
	equal(c, call(storage, "HcsAttachOverlayFilter", text(`C:\v`), text("{}")), 0, "attach")
	equal(c, c.fake.last(c, "HcsAttachOverlayFilter"), `HcsAttachOverlayFilter C:\v {}`, "request")
	c.fake.always("HcsDestroyLayer", refuse(notImplemented, ""))
	equal(c, call(storage, "HcsDestroyLayer", text("x")), notImplemented, "destroy")
	disk := openFile(c, `C:\hcssim\disk.vhd`)
	defer disk.Close()
	equal(c, call(storage, "HcsFormatWritableLayerVhd", disk.Fd()), 0, "format")
	equal(c, c.fake.last(c, "HcsFormatWritableLayerVhd"), `HcsFormatWritableLayerVhd \\?\C:\hcssim\disk.vhd`, "request")
	var o out
	c.fake.always("HcsGetLayerVhdMountPath", ok(`\\?\Volume{x}`))
	equal(c, call(storage, "HcsGetLayerVhdMountPath", disk.Fd(), o.arg()), 0, "mount path")
	equal(c, o.take(), `\\?\Volume{x}`, "mount path")
	for _, name := range []string{"HcsImportLayer", "HcsExportLayer", "HcsExportLegacyWritableLayer", "HcsSetupBaseOSLayer",
		"HcsSetupBaseOSVolume", "HcsInitializeWritableLayer", "HcsInitializeLegacyWritableLayer", "HcsAttachLayerStorageFilter",
		"HcsDetachLayerStorageFilter", "HcsDetachOverlayFilter"} {
		c.must(storage.NewProc(name).Find(), fmt.Sprintf("export %s", name))
	}
}
