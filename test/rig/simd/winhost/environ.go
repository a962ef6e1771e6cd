package winhost

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// users that containers know, besides local groups. Every other name is refused as Windows refuses an unknown account [assumed].
var users = []string{"containeruser", "containeradministrator", `nt authority\system`, `user manager\containeruser`, `user manager\containeradministrator`}

func knownUser(name string) bool {
	name = strings.ToLower(name)
	return name == "" || slices.Contains(users, name) || strings.HasPrefix(name, `builtin\`)
}

// userName is the account without its domain; a container's processes are its administrator's unless they say otherwise [assumed].
func userName(user string) string {
	if user == "" {
		return "ContainerAdministrator"
	}
	return user[strings.LastIndex(user, `\`)+1:]
}

// variable is a value of an environment, whose names have no case.
func variable(env map[string]string, name string) string {
	for k, v := range env {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// environment is a process's: the container's own over a minimal system's, and what the hook DLL needs.
func (v view) environment(c sim.Container, p *schema.ProcessParameters, cwd string) []string {
	env := map[string]string{}
	set := func(name, value string) {
		for k := range env {
			if strings.EqualFold(k, name) {
				delete(env, k)
			}
		}
		env[name] = value
	}
	for _, name := range []string{"SystemRoot", "SystemDrive", "windir", "ComSpec", "PATH", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "ProgramData",
		"NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "WINEPREFIX", "WINEDLLOVERRIDES", "WINEDEBUG", "WINELOADERNOEXEC"} {
		if value := os.Getenv(name); value != "" {
			set(name, value)
		}
	}
	set("USERNAME", userName(p.User))
	for name, value := range p.Environment {
		set(name, value)
	}
	if c.HostName != "" {
		set("COMPUTERNAME", c.HostName)
	}
	var mounts, pipes []string
	for _, m := range v.mounts {
		s := m.container + ">" + m.host
		if m.readOnly {
			s = "-" + s
		}
		mounts = append(mounts, s)
	}
	for _, p := range c.Pipes {
		pipes = append(pipes, p.ContainerPipeName+">"+p.HostPath)
	}
	set("HCSSIM_ROOT", v.volume)
	set("HCSSIM_CWD", cwd)
	set("HCSSIM_MOUNTS", strings.Join(mounts, "|"))
	set("HCSSIM_PIPES", strings.Join(pipes, "|"))
	set("HCSSIM_ADDRESS", "")
	if c.Address.Is4() {
		set("HCSSIM_ADDRESS", c.Address.String())
	}
	set("HCSSIM_HOSTNAME", c.HostName)
	if p.EmulateConsole && len(p.ConsoleSize) == 2 { // height, width
		set("LINES", strconv.Itoa(int(p.ConsoleSize[0])))
		set("COLUMNS", strconv.Itoa(int(p.ConsoleSize[1])))
	}
	var out []string
	for name, value := range env {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) })
	return out
}
