//go:build linux

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// registry makes the prefix a Windows Server 2022, build 20348.2700. Without it Wine reports 6.1.7601, and containerd and the peer
// take other ways (hcs-api §8.3). CurrentVersion is "6.3" on Windows; Wine 8 takes major and minor from it, Wine 10 from the numbers.
//
// A program that crashes is to end at once. Wine would start its debugger, which holds the process, with its handles and its container,
// for a minute; one that cannot be started lets go.
//
// A kubelet reads the machine's UUID from HardwareConfig and the number of its boots from PrefetchParameters (pkg/kubelet/winstats), which
// the firmware and the kernel write on Windows.
//
// dockerd looks whether the services of HNS and HCS are installed; what they do, the DLLs do. They are not started.
const registry = `Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\Software\Microsoft\Windows NT\CurrentVersion]
"CurrentVersion"="10.0"
"CurrentBuild"="20348"
"CurrentBuildNumber"="20348"
"UBR"=dword:00000a8c
"CSDVersion"=""
"ProductName"="Windows Server 2022 Datacenter"
"InstallationType"="Server"
"CurrentMajorVersionNumber"=dword:0000000a
"CurrentMinorVersionNumber"=dword:00000000

[HKEY_LOCAL_MACHINE\Software\Microsoft\Windows NT\CurrentVersion\AeDebug]
"Auto"="1"
"Debugger"="none"

[HKEY_LOCAL_MACHINE\System\HardwareConfig]
"LastConfig"="{6f1c2d8e-4b7a-4c35-9d20-8a5e3f914b07}"

[HKEY_LOCAL_MACHINE\System\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters]
"BootId"=dword:00000001

[HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\hns]
"Type"=dword:00000010
"Start"=dword:00000003
"ErrorControl"=dword:00000001
"ImagePath"="C:\\windows\\system32\\svchost.exe"
"DisplayName"="Host Network Service"
"ObjectName"="LocalSystem"

[HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\vmcompute]
"Type"=dword:00000010
"Start"=dword:00000003
"ErrorControl"=dword:00000001
"ImagePath"="C:\\windows\\system32\\svchost.exe"
"DisplayName"="Hyper-V Host Compute Service"
"ObjectName"="LocalSystem"
`

// template returns the directory of the pristine prefix, made on first use: making one takes about fifteen seconds, a copy less
// than one.
func (in *Instance) template() (string, error) {
	dir := filepath.Join(filepath.Dir(in.bin), "template")
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	version, err := exec.Command(in.wine.loader, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("wine --version: %w", err)
	}
	key := fmt.Sprintf("%s%x\n", version, sha256.Sum256([]byte(registry)))
	if b, err := os.ReadFile(dir + ".key"); err == nil && string(b) == key {
		if _, err := os.Stat(dir); err == nil {
			return dir, nil
		}
	}
	say("making the template prefix with %s", strings.TrimSpace(string(version)))
	for _, d := range []string{dir, dir + ".new"} {
		if err := os.RemoveAll(d); err != nil {
			return "", err
		}
	}
	if err := makePrefix(dir + ".new"); err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	if err := os.Rename(dir+".new", dir); err != nil {
		return "", err
	}
	return dir, replaceFile(dir+".key", []byte(key))
}

func makePrefix(dir string) (err error) {
	w, err := newWine(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if _, err := w.output(5*time.Minute, "wineboot", "-i"); err != nil {
		return err
	}
	reg := filepath.Join(dir, "drive_c", "rig.reg")
	if err := os.WriteFile(reg, []byte(strings.ReplaceAll(registry, "\n", "\r\n")), 0o644); err != nil {
		return err
	}
	if _, err := w.output(time.Minute, "regedit", "/S", `C:\rig.reg`); err != nil {
		return err
	}
	// The registry is on disk when the wineserver has ended.
	if err := w.stop(); err != nil {
		return err
	}
	if err := os.Remove(reg); err != nil {
		return err
	}
	return ownFolders(filepath.Join(dir, "drive_c", "users"))
}

// ownFolders replaces the links that Wine makes from a Windows profile into the home directory of the Unix user.
func ownFolders(users string) error {
	return filepath.WalkDir(users, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() != fs.ModeSymlink {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Mkdir(path, 0o755)
	})
}

// copyPrefix makes dst a copy of the template. Wine's own programs and libraries are hard links, for they are nine tenths of a prefix's
// 700 MB and nobody writes them in place: what the rig installs over them comes by rename.
func copyPrefix(src, dst string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		switch {
		case d.IsDir():
			return os.Mkdir(to, 0o755)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		case isProgram(rel):
			return os.Link(path, to)
		}
		return copyFile(path, to)
	})
}

func isProgram(rel string) bool {
	if !strings.HasPrefix(rel, filepath.Join("drive_c", "windows")+"/") {
		return false
	}
	switch strings.ToLower(filepath.Ext(rel)) {
	case ".dll", ".exe", ".nls", ".msstyles", ".drv", ".ocx", ".sys", ".acm", ".cpl":
		return true
	}
	return false
}

// install copies src over dst when their size or time differ, and reports whether it did. The new file comes by rename, so that a
// program that runs from dst goes on with the old one.
func install(src, dst string) (bool, error) {
	from, err := os.Stat(src)
	if err != nil {
		return false, err
	}
	if to, err := os.Stat(dst); err == nil && to.Size() == from.Size() && to.ModTime().Equal(from.ModTime()) {
		return false, nil
	}
	if err := copyFile(src, dst+".new"); err != nil {
		return false, err
	}
	return true, os.Rename(dst+".new", dst)
}

// copyFile keeps the time of last change: Wine compares that of its own files to know whether a prefix is current.
func copyFile(src, dst string) error {
	r, err := os.Open(src)
	if err != nil {
		return err
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return err
	}
	w, err := os.OpenFile(dst, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.Chtimes(dst, st.ModTime(), st.ModTime())
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "rig: "+format+"\n", args...) }
