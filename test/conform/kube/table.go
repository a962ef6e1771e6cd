//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"containerd-shim-hcs/test/conform/script"
)

// tableMain prints the results of several runs side by side, a column for each runtime class. The exit code is 0 when all rules hold:
//   - every case that was run with ours passes;
//   - the control, which is no shim, fails every case: one that it passes looks at nothing;
//   - every failure of the peer has a note, and every note a failure, in the cases that were run with it.
func tableMain(files []string, notes map[string]script.Note, w io.Writer) int {
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, "usage: kube table FILE.json…")
		return 2
	}
	var reports []script.Report
	for _, f := range files {
		var r script.Report
		b, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(b, &r)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "table: %s: %v\n", f, err)
			return 2
		}
		reports = append(reports, r)
	}
	broken := table(reports, notes, w)
	for _, b := range broken {
		fmt.Fprintln(w, "rule broken:", b)
	}
	if len(broken) > 0 {
		return 1
	}
	return 0
}

// table prints the rows and returns the rules that do not hold.
func table(reports []script.Report, notes map[string]script.Note, w io.Writer) (broken []string) {
	var names []string
	width := len("passed")
	columns := make([]map[string]script.Result, len(reports))
	seen := map[string]bool{}
	for i, rep := range reports {
		columns[i] = map[string]script.Result{}
		for _, r := range rep.Results {
			columns[i][r.Name] = r
			if !seen[r.Name] {
				seen[r.Name] = true
				names = append(names, r.Name)
				width = max(width, len(r.Name))
			}
		}
	}
	row := func(name string, cells []string, note string) {
		fmt.Fprintf(w, "%-*s", width, name)
		for i, c := range cells {
			fmt.Fprintf(w, "  %-*s", max(5, len(reports[i].Runtime)), c)
		}
		fmt.Fprintln(w, strings.TrimRight("  "+note, " "))
	}
	var head []string
	for _, r := range reports {
		head = append(head, r.Runtime)
	}
	row("case", head, "note")
	passed := make([]int, len(reports))
	for _, name := range names {
		cells, text := make([]string, len(reports)), ""
		for i, c := range columns {
			r, ran := c[name]
			switch {
			case !ran:
				cells[i] = "-"
				continue
			case r.OK:
				cells[i] = "ok"
				passed[i]++
			default:
				cells[i] = "FAIL"
			}
			n, noted := notes[name]
			switch class := reports[i].Runtime; {
			case strings.HasPrefix(class, "hcs"):
				if !r.OK {
					broken = append(broken, fmt.Sprintf("%s fails with %s: %s", name, class, r.Reason))
				}
			case class == "control":
				if r.OK {
					broken = append(broken, name+" passes on the control: it checks nothing")
				}
			case r.OK && noted && !n.Sometimes:
				broken = append(broken, name+" has a note about the peer, and the peer passes it")
			case !r.OK && !noted:
				broken = append(broken, name+" fails on the peer without a note: "+r.Reason)
			case !r.OK:
				text = "peer defect: " + n.Text
			}
		}
		row(name, cells, text)
	}
	var sums []string
	for i, n := range passed {
		sums = append(sums, fmt.Sprintf("%d/%d", n, len(columns[i])))
	}
	row("passed", sums, "")
	if len(names) == 0 {
		broken = append(broken, "no case was run")
	}
	return broken
}
