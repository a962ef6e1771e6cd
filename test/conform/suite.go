package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"
)

// Case is one contract and the function that checks it.
type Case struct {
	Name  string
	Run   func(*T)
	Limit time.Duration // defaultLimit when zero
}

const defaultLimit = 60 * time.Second

// Result is what became of a case.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Millis int64  `json:"ms"`
	Reason string `json:"reason,omitempty"`
}

// Report is one run of the script.
type Report struct {
	Runtime string   `json:"runtime"`
	Results []Result `json:"results"`
}

// suites are the lists of cases by the program's first argument.
var suites = map[string]func() []Case{
	"":        allCases,
	"restart": func() []Case { return restartCases },
	"soak":    func() []Case { return soakCases },
	"torture": func() []Case { return tortureCases },
	"upgrade": func() []Case { return upgradeCases },
}

// allCases is the script, in order. What was left behind is asked last.
func allCases() []Case {
	var all []Case
	for _, group := range [][]Case{
		runCasesList, outputCases, stdinCases, terminalCases, execCases, killCases, deleteCases, stateCases, statsCases,
		eventCases, imageCases, specCases, optionalCases, networkCases, manyCases, ctrCases, endCases,
	} {
		all = append(all, group...)
	}
	return all
}

// runCases runs them one after the other. Each has its own clean-up and must leave the machine as it found it.
func runCases(env *Env, cases []Case, w io.Writer) Report {
	rep := Report{Runtime: env.o.runtime}
	for _, c := range cases {
		r := runCase(env, c)
		rep.Results = append(rep.Results, r)
		word := "ok  "
		if !r.OK {
			word = "FAIL"
		}
		fmt.Fprintf(w, "%s %s (%d ms) %s\n", word, r.Name, r.Millis, r.Reason)
	}
	return rep
}

func runCase(env *Env, c Case) Result {
	limit := c.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	before, err := env.machine.state()
	if err != nil {
		return Result{Name: c.Name, Reason: fmt.Sprintf("ask the simulator: %v", err)}
	}
	ctx, cancel := context.WithTimeout(env.ctx, limit)
	defer cancel()
	t := &T{Env: env, ctx: ctx, name: c.Name}
	began := time.Now()

	done := make(chan string, 1)
	go func() { done <- guard(func() { c.Run(t) }) }()
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
	if left := t.clean(); reason == "" {
		reason = left
	}
	if left := env.machine.settle(before, 15*time.Second); left != "" {
		if reason != "" {
			reason += "; and "
		}
		reason += left
	}
	reason = strings.Join(strings.Fields(reason), " ")
	return Result{Name: c.Name, OK: reason == "", Millis: millis, Reason: reason}
}

// failure is how a case says no: thrown by T, caught by guard.
type failure string

// guard runs f and returns why it failed, or "".
func guard(f func()) (reason string) {
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
