package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

func ls(out *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want DIR")
	}
	list, err := os.ReadDir(args[0])
	for _, e := range list {
		name := e.Name()
		if e.IsDir() {
			name += `\`
		}
		fmt.Fprintln(out, name)
	}
	return err
}

func typeFile(out *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want FILE")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(out, f)
	return err
}

func write(_ *bufio.Writer, args []string) error { return put(os.O_TRUNC, args) }

func appendFile(_ *bufio.Writer, args []string) error { return put(os.O_APPEND, args) }

func put(flag int, args []string) error {
	if len(args) < 1 {
		return usage("want FILE TEXT…")
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_WRONLY|flag, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(args[1:], " ") + "\n")
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func rm(_ *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want FILE")
	}
	if _, err := os.Lstat(args[0]); err != nil {
		return err
	}
	return os.RemoveAll(args[0])
}
