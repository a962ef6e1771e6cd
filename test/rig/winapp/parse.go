package main

import (
	"math"
	"strconv"
	"time"
)

// parseExit is an exitCode, or why it is none.
func parseExit(s string) error {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		return usage("bad exit code " + s)
	}
	return exitCode(n)
}

func oneDuration(args []string) (time.Duration, error) {
	if len(args) != 1 {
		return 0, usage("want DURATION")
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d < 0 {
		return 0, usage("bad duration " + args[0])
	}
	return d, nil
}

func oneSize(args []string) (int64, error) {
	if len(args) != 1 {
		return 0, usage("want BYTES")
	}
	return parseSize(args[0])
}

func parseSize(s string) (int64, error) {
	digits, shift := s, 0
	if n := len(s); n > 0 {
		switch s[n-1] {
		case 'K':
			digits, shift = s[:n-1], 10
		case 'M':
			digits, shift = s[:n-1], 20
		case 'G':
			digits, shift = s[:n-1], 30
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, usage("bad size " + s)
	}
	return n << shift, nil
}
