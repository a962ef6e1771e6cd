package winetest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test's executable is also the program that the containers run: modeEnv says what it does.
const modeEnv = "WINETEST"

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeEnv); mode != "" {
		os.Exit(program(strings.Fields(mode)))
	}
	os.Exit(m.Run())
}

func program(words []string) int {
	number := func(i int) int {
		n, err := strconv.ParseUint(words[i], 0, 32)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return int(n)
	}
	switch words[0] {
	case "say": // one word to each stream, and a code
		fmt.Print("to stdout")
		fmt.Fprint(os.Stderr, "to stderr")
		return number(1)
	case "cat":
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
		fmt.Print("|end")
	case "burst":
		block := make([]byte, 64<<10)
		for left := number(1); left > 0; {
			n := min(left, len(block))
			for i := range n {
				block[i] = byte((number(1) - left + i) % 251)
			}
			if _, err := os.Stdout.Write(block[:n]); err != nil {
				return 1
			}
			left -= n
		}
	case "file": // what a file of the image says
		b, err := os.ReadFile(words[1])
		if err != nil {
			fmt.Fprint(os.Stderr, err)
			return 1
		}
		_, _ = os.Stdout.Write(b)
	case "sleep":
		fmt.Print("up")
		time.Sleep(10 * time.Minute)
	case "parent": // starts one that sleeps, waits for it to be up, and sleeps too
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), modeEnv+"=sleep")
		child.Stdout = os.Stdout
		time.Sleep(300 * time.Millisecond) // whoever encloses it does so first
		if err := child.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		time.Sleep(10 * time.Minute)
	case "trap": // ends with the code at the first signal; without a code it goes on
		got := make(chan os.Signal, 8)
		signal.Notify(got, os.Interrupt, syscall.SIGTERM)
		fmt.Print("up")
		for s := range got {
			fmt.Print("|", s)
			if len(words) > 1 {
				return number(1)
			}
		}
	}
	return 0
}
