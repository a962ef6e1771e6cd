package script

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

// Flags are those that every script has.
type Flags struct {
	run, out    string
	list, short bool

	limit, patience time.Duration
}

// Define adds them to a set.
func (f *Flags) Define(set *flag.FlagSet) {
	set.StringVar(&f.run, "run", "", "run only the cases that match this expression")
	set.StringVar(&f.out, "json", "", "write the results to this file")
	set.BoolVar(&f.list, "list", false, "list the cases")
}

// DefineShort adds those of a script that has a short form.
func (f *Flags) DefineShort(set *flag.FlagSet) {
	set.BoolVar(&f.short, "short", false, "only the cases of the short form")
	set.DurationVar(&f.limit, "limit", 0, "give a case no more than this; 0: its own limit")
	set.DurationVar(&f.patience, "patience", 0, "give its clean-up, and then what it held, no more than this; 0: as usual")
}

// choose is the cases as the flags want them.
func choose[T any](f Flags, cases []Case[T]) ([]Case[T], error) {
	match, err := regexp.Compile(f.run)
	if err != nil {
		return nil, err
	}
	var chosen []Case[T]
	for _, c := range cases {
		if !match.MatchString(c.Name) || f.short && !c.Short {
			continue
		}
		if f.limit > 0 {
			c.Limit = min(or(c.Limit, defaultLimit), f.limit)
		}
		chosen = append(chosen, c)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no case matches %q", f.run)
	}
	return chosen, nil
}

// Main runs the chosen cases, or lists them, and returns the exit code. open connects to what they need; it is not called for a list.
func Main[T any](f Flags, cases []Case[T], open func() (r Runner[T], end func(), err error)) int {
	complain := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	chosen, err := choose(f, cases)
	if err != nil {
		return complain(err)
	}
	if f.list {
		for _, c := range chosen {
			fmt.Println(c.Name)
		}
		return 0
	}
	r, end, err := open()
	if err != nil {
		return complain(err)
	}
	defer end()
	if f.patience > 0 {
		r.Patience = f.patience
	}
	rep := r.Run(chosen, os.Stdout)
	if f.out != "" {
		b, err := json.MarshalIndent(rep, "", "  ")
		if err == nil {
			err = os.WriteFile(f.out, append(b, '\n'), 0o644)
		}
		if err != nil {
			return complain(err)
		}
	}
	failed := rep.Failed()
	fmt.Printf("%s: %d cases, %d failed\n", r.Runtime, len(rep.Results), failed)
	if failed > 0 {
		return 1
	}
	return 0
}
