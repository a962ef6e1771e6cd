//go:build !windows

package main

import (
	"bufio"
	"errors"
)

func logger(*bufio.Writer, []string) error { return errors.New("on Windows only") }
