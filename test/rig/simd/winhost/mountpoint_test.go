package winhost

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMountPoints(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "volume/Var/there=v", "host/data/in=x", "host/file=content", "host/other=content")
	on := func(container, host string) mount {
		return mount{container: container, host: filepath.Join(dir, "host", host)}
	}
	v := view{volume: filepath.Join(dir, "volume"), mounts: []mount{
		on(`C:\data\inner\deeper`, "data"), // inside of the one below
		on(`C:\dev\termination-log`, "file"),
		on(`C:\var\run\secrets`, "data"),
		on(`C:\var\THERE`, "other"),
		on(`C:\data`, "data"),
		on(`D:\else`, "data"),
	}}
	for range 2 { // a second container of the same scratch
		if err := v.mountPoints(); err != nil {
			t.Fatal(err)
		}
	}
	want(t, v.volume, "Var/", "Var/run/", "Var/run/secrets/", "Var/there=v", "data/", "dev/", "dev/termination-log=")
	want(t, filepath.Join(dir, "host"), "data/", "data/in=x", "file=content", "other=content")
	v.mounts = []mount{on(`C:\there`, "none")}
	if err := v.mountPoints(); !os.IsNotExist(err) {
		t.Errorf("a mount of nothing: %v", err)
	}
	v.mounts = []mount{on(`C:\Var\there\below`, "file")}
	if v.mountPoints() == nil {
		t.Error("a place below a file")
	}
}
