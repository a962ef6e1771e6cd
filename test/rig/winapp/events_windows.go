package main

import (
	"os"
	"os/signal"
	"syscall"
)

var kernel32 = syscall.NewLazyDLL("kernel32.dll")

// listen delivers console control events by name. That they come is for signal.Notify to say, as in any Go program; it folds five
// events into two signals, so a handler of our own, which Windows calls before Go's because it was registered later, notes the
// event's number and passes it on.
func listen() <-chan string {
	numbers := make(chan uint32, 16)
	note := syscall.NewCallback(func(event uint32) uintptr {
		numbers <- event
		return 0 // not handled: the next handler is Go's
	})
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	came := make(chan string)
	if ok, _, err := kernel32.NewProc("SetConsoleCtrlHandler").Call(note, 1); ok == 0 {
		panic(err) // only when there is no memory
	}
	go func() {
		for range signals {
			// A number is noted before its signal is sent, and the runtime folds signals that come close together into one.
			for len(numbers) > 0 {
				came <- name(<-numbers)
			}
		}
	}()
	return came
}

// name is the event of a CTRL_*_EVENT number of wincon.h; 3 and 4 are not used.
func name(event uint32) string {
	switch event {
	case 0:
		return ctrlC
	case 1:
		return ctrlBreak
	case 2:
		return ctrlClose
	case 5:
		return ctrlLogOff
	case 6:
		return ctrlShutdown
	}
	return "unknown"
}

// exitProcess ends with all 32 bits of the code.
func exitProcess(code uint32) { syscall.ExitProcess(code) }
