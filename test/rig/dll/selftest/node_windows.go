package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// nodeParts are what a program of a node finds, each run in a process of its own with HCSSIM_NODE set.
var nodeParts = map[string]func(*check){
	"links":           nodeLinks,
	"link kinds":      nodeLinkKinds,
	"link lists":      nodeLinkLists,
	"link removal":    nodeLinkRemoval,
	"link renames":    nodeLinkRenames,
	"atomic writer":   nodeAtomicWriter,
	"drive":           nodeDrive,
	"socket":          nodeSocket,
	"socket files":    nodeSocketFiles,
	"socket watch":    nodeSocketWatch,
	"socket by GUID":  nodeSocketConnectEx,
	"socket by hand":  nodeSocketByHand,
	"socket and time": nodeSocketDeadline,
	"powershell":      nodePowerShell,
}

// node is the case of one part. The program is started from drive C:, which is the only one that it will see.
func node(part string) func(*check) {
	return func(c *check) {
		dir := scratch(c)
		self, err := os.Executable()
		c.must(err, "own path")
		exe, err := os.ReadFile(self)
		c.must(err, "own program")
		c.must(os.WriteFile(dir+`\node.exe`, exe, 0o755), "program on C:")
		cmd := exec.Command(dir+`\node.exe`, "child", "node", part, dir+`\work`)
		cmd.Dir = `C:\windows`
		cmd.Env = append(os.Environ(), "HCSSIM_NODE=1")
		output, err := cmd.CombinedOutput()
		if text := strings.TrimSpace(string(output)); err != nil || text != "passed" {
			c.fatalf("%v %s", err, text)
		}
		c.must(os.RemoveAll(dir), "remove")
	}
}

// runPart is the other side.
func runPart(part, dir string) string {
	text := run(&check{name: part}, func(c *check) {
		c.must(os.MkdirAll(dir, 0o755), "make "+dir)
		nodeParts[part](c)
	})
	// Links to nothing are seen from here only.
	if err := os.RemoveAll(dir); err != nil && text == "" {
		text = err.Error()
	}
	if _, err := os.Lstat(dir); err == nil && text == "" {
		text = dir + " is still there"
	}
	if text == "" {
		text = "passed"
	}
	return text
}

// nodeRegistry: what a kubelet reads of the machine (pkg/kubelet/winstats).
func nodeRegistry(c *check) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\HardwareConfig`, registry.QUERY_VALUE)
	c.must(err, "open HardwareConfig")
	defer k.Close()
	id, _, err := k.GetStringValue("LastConfig")
	c.must(err, "LastConfig")
	_, err = windows.GUIDFromString(id)
	c.must(err, "LastConfig "+id)
	k, err = registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters`, registry.READ)
	c.must(err, "open PrefetchParameters")
	defer k.Close()
	n, kind, err := k.GetIntegerValue("BootId")
	c.must(err, "BootId")
	equal(c, kind, registry.DWORD, "type of BootId")
	equal(c, n, 1, "BootId")
}

// nodePowerShell asks as a kubelet does for a subPath (pkg/volume/util/subpath).
func nodePowerShell(c *check) {
	dir := workDir()
	put(c, dir+`\dir\file`, "x")
	c.must(os.Symlink("dir", dir+`\relative`), "symlink")
	c.must(os.Symlink(dir+`\dir`, dir+`\absolute`), "symlink")
	ask := func(what, path string) string {
		cmd := exec.Command("powershell", "/c", "$ErrorActionPreference = 'Stop'; (Get-Item -Force -LiteralPath $env:linkpath)."+what)
		cmd.Env = append(os.Environ(), "linkpath="+path)
		output, err := cmd.CombinedOutput()
		if err != nil {
			return "error: " + strings.TrimSpace(string(output))
		}
		return strings.TrimSpace(string(output))
	}
	for name, want := range map[string][2]string{"dir": {"", ""}, "relative": {"SymbolicLink", "dir"}, "absolute": {"SymbolicLink", dir + `\dir`}} {
		equal(c, ask("LinkType", filepath.Join(dir, name)), want[0], "type of "+name)
		equal(c, ask("Target", filepath.Join(dir, name)), want[1], "target of "+name)
	}
	if got := ask("LinkType", dir+`\none`); !strings.HasPrefix(got, "error: Get-Item : Cannot find path") {
		c.fatalf("of nothing: %s", got)
	}
	if got := ask("Length", dir); !strings.Contains(got, "does not know the command") {
		c.fatalf("of the length: %s", got)
	}
}

// workDir is the empty directory of a part.
func workDir() string { return filepath.Clean(os.Args[4]) }
