// Command winapp is what runs in the rig's containers: one program that does whatever a test needs a program to do.
//
//	winapp COMMAND ARGS… [-- COMMAND ARGS…]…
//
// Commands run one after the other; the program ends with code 0 after the last, with 1 when a command cannot do its work and with 2
// when it is called wrongly (message on stderr, "winapp COMMAND: …"). Durations are Go's ("1.5s"), sizes are bytes or with a suffix K, M, G
// (powers of 1024), codes are decimal or 0x….
//
//	print TEXT…              the words on stdout, separated by spaces, and a line feed
//	err TEXT…                the same on stderr
//	sleep DURATION
//	exit CODE                ends the program at once
//	tick N DURATION          the numbers from 1 to N, a line each, that far apart
//	cat                      stdin to stdout until end of file
//	burst BYTES [exit CODE]  the first BYTES of the stream of package burst, nothing else
//	hash BYTES               the SHA-256 of that stream, in hex
//	trap [after DURATION] [exit CODE] [EVENT…]
//	                         prints "trapping", then each console control event by name as it comes; ends the program with CODE (0)
//	                         after DURATION (0) at the first of the EVENTs, by default CtrlClose, CtrlLogOff or CtrlShutdown
//	ignore                   prints "ignoring", then "ignored EVENT" for each event, and runs until it is killed
//	burn DURATION            uses one processor
//	alloc BYTES DURATION     holds and touches memory, prints "allocated" when it has it
//	ls DIR                   names in DIR, one a line, sorted, directories with a trailing backslash
//	type FILE                the file on stdout
//	write FILE TEXT…         the words and a line feed into FILE, which is made or replaced
//	append FILE TEXT…        the same at FILE's end
//	rm FILE                  removes a file, or a directory with all in it
//	env [NAME…]              the environment as NAME=value, sorted; or the values of the names, a line each
//	pwd                      the working directory
//	hostname
//	pid
//	spawn ARGS…              starts `winapp ARGS…` (all that is left, with its --) with the same streams, and ends at once
//	serve-tcp ADDRESS        listens there, prints "listening", and sends what comes on a connection back on it
//	serve-http ADDRESS [TEXT…]
//	                         listens there, prints "listening", and answers each request with the words and, on a second line, the request and who
//	                         asked; with status 500 when the path has "fail" in it
//	get HOST:PORT[/PATH]     the body of what an HTTP server answers there; an answer that is no success is an error
//	logger FILE              is a logging program of containerd's (on the host, started by a shim): appends what it gets on stdout to FILE, then
//	                         what it gets on stderr, then "end of NAMESPACE/ID"
//	serve-lines              prints "ready", then answers each line of stdin with "got: LINE" until end of file
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
)

// command runs with its arguments and the program's output; an exitCode error ends the program.
type command func(out *bufio.Writer, args []string) error

// exitCode is how a command ends the program.
type exitCode uint32

func (c exitCode) Error() string { return fmt.Sprintf("exit %d", uint32(c)) }

// usage is a wrong call.
type usage string

func (u usage) Error() string { return string(u) }

var commands = map[string]command{
	"print": printWords, "err": errWords, "sleep": sleep, "exit": exit, "tick": tick, "cat": cat, "burst": doBurst, "hash": hash,
	"trap": trap, "ignore": ignore, "burn": burn, "alloc": alloc,
	"ls": ls, "type": typeFile, "write": write, "append": appendFile, "rm": rm,
	"env": env, "pwd": pwd, "hostname": hostname, "pid": pid, "serve-lines": serveLines, "serve-tcp": serveTCP, "serve-http": serveHTTP,
	"get": get, "logger": logger,
}

func main() {
	// Unbuffered on purpose where it matters: each command's output is flushed before the next one begins, and the waiting ones
	// flush line by line.
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	code, err := run(out, os.Args[1:])
	if ferr := out.Flush(); err == nil && ferr != nil {
		code, err = 1, ferr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "winapp "+err.Error())
	}
	exitProcess(code)
}

// run is the whole program but its end: the exit code, and what to say on stderr.
func run(out *bufio.Writer, args []string) (uint32, error) {
	if len(args) == 0 {
		return 2, errors.New("COMMAND ARGS… [-- COMMAND ARGS…]…: no command")
	}
	for len(args) > 0 {
		var one []string
		one, args = next(args)
		if len(one) == 0 {
			return 2, errors.New("empty command between --")
		}
		do := commands[one[0]]
		if one[0] == "spawn" {
			do = spawn
		}
		if do == nil {
			return 2, fmt.Errorf("%s: no such command", one[0])
		}
		err := do(out, one[1:])
		if ferr := out.Flush(); err == nil {
			err = ferr
		}
		var code exitCode
		var wrong usage
		switch {
		case err == nil:
		case errors.As(err, &code):
			return uint32(code), nil
		case errors.As(err, &wrong):
			return 2, fmt.Errorf("%s: %w", one[0], err)
		default:
			return 1, fmt.Errorf("%s: %w", one[0], err)
		}
	}
	return 0, nil
}

// next splits off the first command of a chain. What spawn starts is itself a chain, so spawn takes all.
func next(args []string) (one, rest []string) {
	if args[0] == "spawn" {
		return args, nil
	}
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i], args[i+1:]
	}
	return args, nil
}
