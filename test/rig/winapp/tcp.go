package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
)

func serveTCP(out *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want ADDRESS")
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "listening")
	if err := out.Flush(); err != nil {
		return err
	}
	return echo(l)
}

// echo serves until the listener is closed.
func echo(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c) // its end is the client's business
		}()
	}
}
