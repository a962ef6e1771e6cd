package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"containerd-shim-hcs/test/rig/winapp/burst"
)

func printWords(out *bufio.Writer, args []string) error {
	fmt.Fprintln(out, strings.Join(args, " "))
	return nil
}

func errWords(_ *bufio.Writer, args []string) error {
	_, err := fmt.Fprintln(os.Stderr, strings.Join(args, " "))
	return err
}

func sleep(_ *bufio.Writer, args []string) error {
	d, err := oneDuration(args)
	if err == nil {
		time.Sleep(d)
	}
	return err
}

func exit(_ *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want CODE")
	}
	return parseExit(args[0])
}

// tick's lines tell a reader whether one is missing, came twice, or is late.
func tick(out *bufio.Writer, args []string) error {
	if len(args) != 2 {
		return usage("want N DURATION")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 {
		return usage("bad number " + args[0])
	}
	d, err := oneDuration(args[1:])
	for i := 1; err == nil && i <= n; i++ {
		if i > 1 {
			time.Sleep(d)
		}
		fmt.Fprintln(out, i)
		err = out.Flush()
	}
	return err
}

func cat(out *bufio.Writer, args []string) error {
	if len(args) != 0 {
		return usage("takes no arguments")
	}
	// Not through out's buffer: what has been read is on its way before the next read.
	_, err := io.Copy(os.Stdout, os.Stdin)
	return err
}

func doBurst(out *bufio.Writer, args []string) error {
	var end error
	if len(args) == 3 && args[1] == "exit" {
		end = parseExit(args[2])
		args = args[:1]
	}
	n, err := oneSize(args)
	if err != nil {
		return err
	}
	if err := burst.Write(out, n); err != nil {
		return err
	}
	return end
}

func hash(out *bufio.Writer, args []string) error {
	n, err := oneSize(args)
	if err == nil {
		fmt.Fprintln(out, burst.Sum(n))
	}
	return err
}

func burn(_ *bufio.Writer, args []string) error {
	d, err := oneDuration(args)
	for t := time.Now(); err == nil && time.Since(t) < d; {
		burst.Write(io.Discard, 1<<20)
	}
	return err
}

func alloc(out *bufio.Writer, args []string) error {
	if len(args) != 2 {
		return usage("want BYTES DURATION")
	}
	n, err := parseSize(args[0])
	if err != nil {
		return err
	}
	d, err := oneDuration(args[1:])
	if err != nil {
		return err
	}
	b := make([]byte, n)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	fmt.Fprintln(out, "allocated")
	out.Flush()
	time.Sleep(d)
	if n > 0 && b[0] != 1 { // keeps b alive until here
		return fmt.Errorf("memory changed")
	}
	return nil
}

func spawn(_ *bufio.Writer, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, args...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	return exitCode(0)
}

func env(out *bufio.Writer, args []string) error {
	for _, name := range args {
		fmt.Fprintln(out, os.Getenv(name))
	}
	if len(args) == 0 {
		all := os.Environ()
		slices.Sort(all)
		fmt.Fprintln(out, strings.Join(all, "\n"))
	}
	return nil
}

func pwd(out *bufio.Writer, _ []string) error {
	dir, err := os.Getwd()
	fmt.Fprintln(out, dir)
	return err
}

// hostname prefers the variable: a container's name is in it, and Wine has only one computer name for all.
func hostname(out *bufio.Writer, _ []string) (err error) {
	name := os.Getenv("COMPUTERNAME")
	if name == "" {
		name, err = os.Hostname()
	}
	fmt.Fprintln(out, name)
	return err
}

func pid(out *bufio.Writer, _ []string) error {
	fmt.Fprintln(out, strconv.Itoa(os.Getpid()))
	return nil
}

func serveLines(out *bufio.Writer, args []string) error {
	if len(args) != 0 {
		return usage("takes no arguments")
	}
	fmt.Fprintln(out, "ready")
	out.Flush()
	s := bufio.NewScanner(os.Stdin)
	for s.Scan() {
		fmt.Fprintln(out, "got: "+strings.TrimSuffix(s.Text(), "\r"))
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return s.Err()
}
