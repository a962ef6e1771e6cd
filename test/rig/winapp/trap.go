package main

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The console control events by the names that HCS has for them.
const (
	ctrlC        = "CtrlC"
	ctrlBreak    = "CtrlBreak"
	ctrlClose    = "CtrlClose"
	ctrlLogOff   = "CtrlLogOff"
	ctrlShutdown = "CtrlShutdown"
)

var events = []string{ctrlC, ctrlBreak, ctrlClose, ctrlLogOff, ctrlShutdown}

// plan is what trap was asked to do.
type plan struct {
	after time.Duration
	code  exitCode
	on    []string
}

func parseTrap(args []string) (plan, error) {
	var p plan
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "after" && len(args) > 0:
			d, err := oneDuration(args[:1])
			if err != nil {
				return p, err
			}
			p.after, args = d, args[1:]
		case word == "exit" && len(args) > 0:
			var code exitCode
			if !errors.As(parseExit(args[0]), &code) {
				return p, usage("bad exit code " + args[0])
			}
			p.code, args = code, args[1:]
		case slices.Contains(events, word):
			p.on = append(p.on, word)
		default:
			return p, usage("unexpected " + word)
		}
	}
	if p.on == nil {
		p.on = []string{ctrlClose, ctrlLogOff, ctrlShutdown}
	}
	return p, nil
}

func trap(out *bufio.Writer, args []string) error {
	p, err := parseTrap(args)
	if err != nil {
		return err
	}
	came := listen()
	say(out, "trapping")
	for event := range came {
		say(out, event)
		if slices.Contains(p.on, event) {
			time.Sleep(p.after)
			return p.code
		}
	}
	return nil
}

func ignore(out *bufio.Writer, args []string) error {
	if len(args) != 0 {
		return usage("takes no arguments")
	}
	came := listen()
	say(out, "ignoring")
	for event := range came {
		say(out, "ignored "+event)
	}
	return nil
}

// say writes a line that must be seen while the program waits. Whether anyone reads it does not matter to the wait.
func say(out *bufio.Writer, line string) {
	fmt.Fprintln(out, line)
	out.Flush()
}
