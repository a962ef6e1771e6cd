// Command powershell stands in for PowerShell on the rig's node. A kubelet asks PowerShell where a path's links lead
// (pkg/volume/util/subpath), with the path in the environment; this program knows those two questions and their answers. Everything else
// is refused with its text, so that a test which needs more says what.
//
// It is C:\windows\powershell.exe: Wine has a powershell.exe that does nothing, and takes that one in its system directory.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // as PowerShell's, of a command that stops at an error
	}
}

// The two questions, as k8s.io/kubernetes 1.34 has them, and the variable with the path.
const (
	getItem    = `$ErrorActionPreference = 'Stop'; (Get-Item -Force -LiteralPath $env:linkpath)`
	askType    = getItem + `.LinkType`
	askTarget  = getItem + `.Target`
	pathIsHere = "linkpath"
)

func run(args []string, env func(string) string, out io.Writer) error {
	line, err := commandLine(args)
	if err != nil {
		return err
	}
	answer := ""
	switch line {
	case askType:
		answer, err = linkType(env(pathIsHere))
	case askTarget:
		answer, err = target(env(pathIsHere))
	default:
		return fmt.Errorf("powershell: the rig's does not know the command: %s", line)
	}
	if err == nil {
		_, err = fmt.Fprintln(out, answer)
	}
	return err
}

// commandLine is the command behind the options that have no meaning here (about_PowerShell_exe). The command is the last option, and all
// that follows belongs to it.
func commandLine(args []string) (string, error) {
	for i := 0; i < len(args); i++ {
		name := strings.ToLower(strings.TrimLeft(args[i], "-/"))
		switch name {
		case args[i]:
			return "", fmt.Errorf("powershell: argument %q: an option is expected", args[i])
		case "noninteractive", "noprofile", "nologo":
		case "executionpolicy":
			i++
		case "c", "command":
			if i+1 == len(args) {
				return "", fmt.Errorf("powershell: %s needs a command", args[i])
			}
			return strings.Join(args[i+1:], " "), nil
		default:
			return "", fmt.Errorf("powershell: the rig's does not know the option %s", args[i])
		}
	}
	return "", errors.New("powershell: no command: the rig's is not interactive")
}

// lstat is Get-Item with its error.
func lstat(path string) (fs.FileInfo, error) {
	if path == "" {
		return nil, errors.New("Get-Item : Cannot bind argument to parameter 'LiteralPath' because it is an empty string.")
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("Get-Item : Cannot find path '%s' because it does not exist.", path)
	}
	return info, err
}

// linkType is empty for what is no link. Hard links, which PowerShell tells too, are not looked for: a kubelet makes none.
func linkType(path string) (string, error) {
	info, err := lstat(path)
	switch {
	case err != nil:
		return "", err
	case info.Mode()&fs.ModeSymlink != 0:
		return "SymbolicLink", nil
	case info.Mode()&fs.ModeIrregular != 0: // a mount point
		return "Junction", nil
	}
	return "", nil
}

func target(path string) (string, error) {
	kind, err := linkType(path)
	if err != nil || kind == "" {
		return "", err
	}
	return os.Readlink(path)
}
