package script

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// A Note says why the peer (containerd-shim-runhcs-v1 of hcsshim v0.14.1) fails a case, with its place in peer-runhcs. There is
// none without a place: what has no explanation there is a fault of the simulator or of the case, and is to be mended.
type Note struct {
	Text      string
	Sometimes bool // depends on timing: the peer may pass
}

// TableMain prints the results of several runs of a script side by side, a column for each runtime: this shim's, however it is used, the
// peer's, and the control's, which is no shim. The exit code is 0 when all rules hold:
//   - all ran the same cases;
//   - every case passes with ours;
//   - the control fails every case: one that it passes looks at nothing;
//   - every failure of the peer has a note, and every note a failure.
func TableMain(files []string, notes map[string]Note, w io.Writer) int {
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, "usage: table FILE.json…")
		return 2
	}
	var reports []Report
	for _, f := range files {
		var r Report
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

// short is the name of a column by that of its runtime: hcs for io.containerd.hcs.v1, and for itself as a handler or class.
func short(runtime string) string {
	return strings.TrimSuffix(strings.TrimPrefix(runtime, "io.containerd."), ".v1")
}

// table prints the rows and returns the rules that do not hold.
func table(reports []Report, notes map[string]Note, w io.Writer) (broken []string) {
	var names []string
	width := len("passed")
	columns := make([]map[string]Result, len(reports))
	heads := make([]string, len(reports))
	seen := map[string]bool{}
	for i, rep := range reports {
		columns[i], heads[i] = map[string]Result{}, short(rep.Runtime)
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
			fmt.Fprintf(w, "  %-*s", max(5, len(heads[i])), c)
		}
		fmt.Fprintln(w, strings.TrimRight("  "+note, " "))
	}
	row("case", heads, "note")
	passed := make([]int, len(reports))
	for _, name := range names {
		cells, text := make([]string, len(reports)), ""
		for i, c := range columns {
			r, ran := c[name]
			switch {
			case !ran:
				cells[i] = "-"
				broken = append(broken, fmt.Sprintf("%s was not run in column %s", name, heads[i]))
				continue
			case r.OK:
				cells[i] = "ok"
				passed[i]++
			default:
				cells[i] = "FAIL"
			}
			n, noted := notes[name]
			switch {
			case strings.HasPrefix(heads[i], "hcs"): // hcs-sandbox is ours too
				if !r.OK {
					broken = append(broken, fmt.Sprintf("%s fails with %s: %s", name, heads[i], r.Reason))
				}
			case heads[i] == "control":
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
