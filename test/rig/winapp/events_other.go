//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// listen maps the signals that Go's runtime makes of console control events back to events, for tests elsewhere.
func listen() <-chan string {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	came := make(chan string)
	go func() {
		for s := range signals {
			if s == os.Interrupt {
				came <- ctrlC
			} else {
				came <- ctrlShutdown
			}
		}
	}()
	return came
}

// exitProcess keeps what a Unix has of the code, its low byte.
func exitProcess(code uint32) { os.Exit(int(code)) }
