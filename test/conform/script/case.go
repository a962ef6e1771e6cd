// Package script runs conformance scripts: cases, each named after the contract it checks, one after the other; and it compares the
// reports of several runs. A case has its own clean-up and must leave the machine as it found it.
package script

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"containerd-shim-hcs/test/conform/node"
)

// Case is one contract and the function that checks it. T is the script's own, around this package's.
type Case[T any] struct {
	Name  string
	Run   func(T)
	Limit time.Duration // of the case without its clean-up; defaultLimit when zero
	Short bool          // part of the short form, of a script that has one
}

// Short, Long make a case that is part of the short form, and one that is not.
func Short[T any](name string, limit time.Duration, run func(T)) Case[T] {
	return Case[T]{Name: name, Run: run, Limit: limit, Short: true}
}

func Long[T any](name string, limit time.Duration, run func(T)) Case[T] {
	return Case[T]{Name: name, Run: run, Limit: limit}
}

const defaultLimit = 60 * time.Second

// Result is what became of a case.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Millis int64  `json:"ms"`
	Reason string `json:"reason,omitempty"`
}

// Report is one run of a script.
type Report struct {
	Runtime string   `json:"runtime"`
	Results []Result `json:"results"`
}

// Failed counts the cases that did.
func (r Report) Failed() int {
	n := 0
	for _, x := range r.Results {
		if !x.OK {
			n++
		}
	}
	return n
}

// Runner runs cases.
type Runner[T any] struct {
	Runtime string // what the report is about
	RunID   string // part of every id, so that two runs never meet
	Machine Machine
	Context context.Context
	Wrap    func(*Test) T

	// Patience is how long each part of a case's clean-up may take, and how long what it held may take to go after that; 20 and 15
	// seconds when zero.
	Patience time.Duration
}

// Machine tells what the machine under the containers holds.
type Machine interface {
	State() (node.Holdings, error)
	// Settle waits at most that long until nothing is held that was not held before, and says what is.
	Settle(before node.Holdings, d time.Duration) string
}

// Run runs them and prints a line for each.
func (r Runner[T]) Run(cases []Case[T], w io.Writer) Report {
	rep := Report{Runtime: r.Runtime}
	for _, c := range cases {
		x := r.one(c)
		rep.Results = append(rep.Results, x)
		word := "ok  "
		if !x.OK {
			word = "FAIL"
		}
		fmt.Fprintf(w, "%s %s (%d ms) %s\n", word, x.Name, x.Millis, x.Reason)
	}
	return rep
}

func (r Runner[T]) one(c Case[T]) Result {
	limit := c.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	before, err := r.Machine.State()
	if err != nil {
		return Result{Name: c.Name, Reason: fmt.Sprintf("ask the simulator: %v", err)}
	}
	ctx, cancel := context.WithTimeout(r.Context, limit)
	defer cancel()
	t := &Test{Ctx: ctx, Name: c.Name, run: r.RunID, whole: r.Context, part: or(r.Patience, 20*time.Second)}
	began := time.Now()

	done := make(chan string, 1)
	go func() { done <- Guard(func() { c.Run(r.Wrap(t)) }) }()
	var reason string
	select {
	case reason = <-done:
	case <-ctx.Done():
		// Calls end with the context; a case that does not return then is given up, its goroutine with it.
		select {
		case reason = <-done:
		case <-time.After(5 * time.Second):
			reason = "did not return"
		}
		reason = fmt.Sprintf("over its limit of %v: %s", limit, reason)
	}
	millis := time.Since(began).Milliseconds()
	if left := t.Clean(); reason == "" {
		reason = left
	}
	if left := r.Machine.Settle(before, or(r.Patience, 15*time.Second)); left != "" {
		if reason != "" {
			reason += "; and "
		}
		reason += left
	}
	reason = strings.Join(strings.Fields(reason), " ")
	return Result{Name: c.Name, OK: reason == "", Millis: millis, Reason: reason}
}

func or(d, otherwise time.Duration) time.Duration {
	if d != 0 {
		return d
	}
	return otherwise
}

// failure is how a case says no: thrown by Test, caught by Guard.
type failure string

// Guard runs f and returns why it failed, or "".
func Guard(f func()) (reason string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			reason = string(r)
		default:
			reason = fmt.Sprintf("panic: %v %s", r, debug.Stack())
		}
	}()
	f()
	return ""
}
