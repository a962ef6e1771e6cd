package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// Tally is the sum of a torture.
type Tally struct {
	Runtime  string         `json:"runtime"`
	Seed     uint64         `json:"seed"`
	Rounds   int            `json:"rounds"`
	Findings map[string]int `json:"findings"` // by kind
}

func writeTally(file string, t Tally) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// tallyMain prints tortures side by side. The exit code is 1 when the first of them has findings.
func tallyMain(files []string, w io.Writer) int {
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, "usage: conform tally TALLY.json…")
		return 2
	}
	tallies := make([]Tally, len(files))
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(b, &tallies[i])
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "conform: %s: %v\n", f, err)
			return 2
		}
	}
	if tallyTable(tallies, w) > 0 {
		return 1
	}
	return 0
}

// tallyTable returns the findings of the first.
func tallyTable(tallies []Tally, w io.Writer) (findings int) {
	row := func(name string, cell func(Tally) any) {
		fmt.Fprintf(w, "%-32s", name)
		for _, t := range tallies {
			fmt.Fprintf(w, "  %24v", cell(t))
		}
		fmt.Fprintln(w)
	}
	row("", func(t Tally) any { return t.Runtime })
	row("rounds", func(t Tally) any { return t.Rounds })
	row("first seed", func(t Tally) any { return t.Seed })
	var kinds []string
	for _, t := range tallies {
		for k := range t.Findings {
			if !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		row(k, func(t Tally) any { return t.Findings[k] })
	}
	sum := func(t Tally) any {
		n := 0
		for _, m := range t.Findings {
			n += m
		}
		return n
	}
	row("findings", sum)
	return sum(tallies[0]).(int)
}
