package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/runtime/v2/logging"
)

// logger is containerd's own package for logging programs, as their authors use it.
func logger(_ *bufio.Writer, args []string) error {
	if len(args) != 1 {
		return usage("want FILE")
	}
	logging.Run(func(_ context.Context, c *logging.Config, ready func() error) error {
		f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := ready(); err != nil {
			return err
		}
		// Not through a buffer of lines: what is tested is whether every byte arrives.
		var streams sync.WaitGroup
		errs := make([]error, 2)
		var stderr strings.Builder
		streams.Go(func() { _, errs[0] = io.Copy(f, c.Stdout) })
		streams.Go(func() { _, errs[1] = io.Copy(&stderr, c.Stderr) })
		streams.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		_, err = f.WriteString(stderr.String() + "end of " + c.Namespace + "/" + c.ID + "\n")
		return err
	})
	return nil // Run does not return
}
