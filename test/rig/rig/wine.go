//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// wine starts Windows programs in one prefix.
type wine struct {
	prefix         string
	loader, server string
}

func newWine(prefix string) (wine, error) {
	w := wine{prefix: prefix}
	var err error
	// Debian's wine64 package leaves the loader off the path, and its `wine` is a shell script in front of it.
	if w.loader, err = firstProgram("wine64", "/usr/lib/wine/wine64", "wine"); err != nil {
		return w, err
	}
	w.server, err = firstProgram("wineserver", "/usr/lib/wine/wineserver64", filepath.Join(filepath.Dir(w.loader), "wineserver"))
	return w, err
}

func firstProgram(names ...string) (string, error) {
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("none of %s: test/rig/install.sh installs Wine", strings.Join(names, ", "))
}

// environ is the environment of everything in the prefix: no more of the caller's than Wine needs, so that a rig does the same
// wherever it is started.
func (w wine) environ() []string {
	debug := "-all"
	if d := os.Getenv("WINEDEBUG"); d != "" {
		debug = d
	}
	return []string{
		"WINEPREFIX=" + w.prefix,
		"WINEARCH=win64",
		"WINEDEBUG=" + debug,
		// Wine has a pdh, and Wine 10 a bcryptprimitives of its own, which must not win; .NET and HTML would be fetched from the network.
		"WINEDLLOVERRIDES=mscoree,mshtml=;bcryptprimitives,pdh=n,b",
		"HOME=" + os.Getenv("HOME"),
		"USER=" + os.Getenv("USER"),
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
	}
}

// command prepares a Windows program; exe is a Windows or a Unix path.
func (w wine) command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.loader, append([]string{exe}, args...)...)
	cmd.Env = w.environ()
	return cmd
}

// replace turns this process into the Windows program: its streams, signals and exit code pass by nature.
func (w wine) replace(exe string, args []string) error {
	argv := append([]string{w.loader, exe}, args...)
	return fmt.Errorf("exec %s: %w", w.loader, syscall.Exec(w.loader, argv, w.environ()))
}

// result runs a program to its end and returns what it printed and its exit code. Never through a pipe: a program that it starts may
// inherit and hold that.
func (w wine) result(bound time.Duration, exe string, args ...string) (string, int, error) {
	f, err := os.CreateTemp("", "rig-output-*")
	if err != nil {
		return "", 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	cmd := w.command(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = f, f
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("no end within %s", bound)
	}
	b, rerr := os.ReadFile(f.Name())
	if err := errors.Join(err, rerr); err != nil {
		return string(b), 0, fmt.Errorf("%s %s: %w: %s", exe, strings.Join(args, " "), err, strings.TrimSpace(string(b)))
	}
	return string(b), cmd.ProcessState.ExitCode(), nil
}

// output is the result of a program that must end with code 0.
func (w wine) output(bound time.Duration, exe string, args ...string) (string, error) {
	out, code, err := w.result(bound, exe, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %s: exit code %d: %s", exe, strings.Join(args, " "), code, strings.TrimSpace(out))
	}
	return out, err
}

// stop ends every process of the prefix and returns when its wineserver is gone. A prefix without a wineserver is stopped already.
func (w wine) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, flag := range []string{"-k", "-w"} {
		cmd := exec.CommandContext(ctx, w.server, flag)
		cmd.Env = w.environ()
		var exit *exec.ExitError
		// -k of a prefix without a server exits with 1 and says nothing; the wait that follows tells.
		if out, err := cmd.CombinedOutput(); err != nil && (flag == "-w" || !errors.As(err, &exit)) {
			return fmt.Errorf("wineserver %s: %w: %s", flag, err, out)
		}
	}
	return nil
}
